//! No row allocates: neither to be decoded nor to be written as JSON.

use std::sync::atomic::{AtomicU64, Ordering};

use rowtide_bench::Extent;
use rowtide_bench::decode::sink::{Chain, Depth};
use rowtide_bench::decode::workloads::WORKLOADS;
use rowtide_bench::servers::start_mysql;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

fn count(work: &mut dyn FnMut()) {
    let counted = allocation_counter::measure(work);
    ALLOCATIONS.fetch_add(counted.count_total, Ordering::Relaxed);
}

#[test]
fn rows_take_no_memory_of_their_own() {
    let mysql = start_mysql().unwrap();
    let extent = Extent {
        rounds: 1,
        percent: 1,
    };
    for workload in WORKLOADS {
        let recording = workload.record(&mysql, &extent).unwrap();
        for depth in [Depth::Values, Depth::Json] {
            let mut chain = Chain::new(depth, &recording.file);
            chain.watch_rows(count);
            ALLOCATIONS.store(0, Ordering::Relaxed);
            recording.events(|event| Ok(chain.feed(event)?)).unwrap();
            assert!(chain.seen().rows >= 900, "{:?}", chain.seen());
            let allocated = ALLOCATIONS.load(Ordering::Relaxed);
            assert_eq!(allocated, 0, "{} to {depth:?}", workload.name);
        }
    }
}
