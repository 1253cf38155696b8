//! GTID sets.

use rowtide_event::gtid::mysql;
use rowtide_event::{Flavour, GtidSet};

/// A binary set, as in PREVIOUS_GTIDS: what is read is written and read again, in both forms.
pub fn gtid_set(data: &[u8]) {
    let Ok(set) = mysql::GtidSet::decode(data) else {
        return;
    };
    let mut encoded = Vec::new();
    set.encode(&mut encoded);
    assert_eq!(mysql::GtidSet::decode(&encoded).as_ref(), Ok(&set), "in binary");
    let set = GtidSet::MySql(set);
    assert_eq!(
        GtidSet::parse(Flavour::MySql, &set.to_string()).as_ref(),
        Ok(&set),
        "as text"
    );
}

/// Sets as text, with NULs between them: MariaDB's if the first byte is odd, else MySQL's.
pub fn gtid_text(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    let flavour = if how % 2 == 0 {
        Flavour::MySql
    } else {
        Flavour::MariaDb
    };
    let text = String::from_utf8_lossy(rest);
    let sets = text
        .split('\0')
        .map_while(|text| GtidSet::parse(flavour, text).ok());
    let mut all = GtidSet::empty(flavour);
    for set in sets {
        assert_eq!(GtidSet::parse(flavour, &set.to_string()).as_ref(), Ok(&set));
        let missing = set.subtract(&all);
        all.union(&set);
        // MariaDB's is a position, which says nothing where the numbers of a domain do not grow.
        if flavour == Flavour::MySql {
            assert!(
                missing.is_subset_of(&set),
                "what is left of a set is a part of it"
            );
            assert!(set.is_subset_of(&all), "a set is a part of its union");
        }
        let _ = all.newest();
    }
}
