//! What would keep a replica from working, and the SQL that mends it.

use super::{Flavour, Grants, ServerInfo};

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It works, with less than one may expect.
    Warning,
    /// It does not work.
    Error,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is found, and what follows from it.
    pub what: String,
    /// What to do: SQL where SQL does it.
    pub remedy: String,
}

/// Compares what a server is with what a replica of the given server id needs; no finding, no problem.
pub fn preflight(info: &ServerInfo, grants: &Grants, server_id: u32) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_version(info, &mut findings);
    check_binlog(info, &mut findings);
    check_rows(info, &mut findings);
    check_gtids(info, &mut findings);
    check_grants(info.version.flavour, grants, &mut findings);
    check_server_id(info, server_id, &mut findings);
    findings
}

fn check_version(info: &ServerInfo, findings: &mut Vec<Finding>) {
    let (major, minor) = oldest(info.version.flavour);
    if !info.version.is_at_least(major, minor, 0) {
        findings.push(error(
            format!(
                "{} is older than {} {major}.{minor}, the oldest that is supported",
                info.version, info.version.flavour
            ),
            "Upgrade the server.",
        ));
    }
}

/// The oldest version that is supported: MariaDB logs column names since 10.5.
fn oldest(flavour: Flavour) -> (u32, u32) {
    match flavour {
        Flavour::MySql => (5, 7),
        Flavour::MariaDb => (10, 5),
    }
}

fn check_binlog(info: &ServerInfo, findings: &mut Vec<Finding>) {
    if !info.log_bin {
        findings.push(error(
            "The server writes no binary log (log_bin is OFF)",
            "Set log_bin and a server_id in the server's option file, under [mysqld], and restart it.",
        ));
    }
    if !info.binlog_format.eq_ignore_ascii_case("ROW") {
        findings.push(error(
            format!(
                "binlog_format is {}: changes are logged as statements, without their rows",
                info.binlog_format
            ),
            set(info, "binlog_format = ROW"),
        ));
    }
}

fn check_rows(info: &ServerInfo, findings: &mut Vec<Finding>) {
    // What FULL_NODUP of MariaDB leaves out after an update is in the image before it.
    let is_full = |image: &str| info.binlog_row_image.eq_ignore_ascii_case(image);
    if !["FULL", "FULL_NODUP"].iter().any(|image| is_full(image)) {
        findings.push(warning(
            format!(
                "binlog_row_image is {}: events lack the columns that a change did not touch, and \
                 what becomes of them is for --absent-columns to say",
                info.binlog_row_image
            ),
            set(info, "binlog_row_image = FULL"),
        ));
    }
    if info.binlog_row_metadata.is_empty() {
        findings.push(warning(
            format!("{} does not log column names: {WITHOUT_NAMES}", info.version),
            "Upgrade to MySQL 8.0 or newer.",
        ));
    } else if !info.binlog_row_metadata.eq_ignore_ascii_case("FULL") {
        findings.push(warning(
            format!(
                "binlog_row_metadata is {}: {WITHOUT_NAMES}",
                info.binlog_row_metadata
            ),
            set(info, "binlog_row_metadata = FULL"),
        ));
    }
    let options = info.binlog_row_value_options.to_ascii_uppercase();
    if options.contains("PARTIAL_JSON") && !info.binlog_row_image.eq_ignore_ascii_case("FULL") {
        findings.push(warning(
            format!(
                "binlog_row_value_options is PARTIAL_JSON and binlog_row_image is {}: differences of JSON documents are \
                 logged without the documents, and the first one of a captured table stops the stream",
                info.binlog_row_image
            ),
            set(info, "binlog_row_value_options = ''"),
        ));
    }
}

/// What follows for tables whose names and types are not in every TABLE_MAP.
const WITHOUT_NAMES: &str = "columns are known by the statements that made and altered their table; after one that was \
     not logged, or that cannot be read, the table's rows may stop the stream";

fn check_gtids(info: &ServerInfo, findings: &mut Vec<Finding>) {
    if !info.has_gtids() {
        findings.push(warning(
            format!(
                "gtid_mode is {}: the stream cannot be taken up on another server after a failover",
                info.gtid_mode
            ),
            gtids_on(info),
        ));
    }
}

/// Whether the account may see which replicas are connected; MariaDB wants a privilege for it that a replica does not
/// need otherwise.
pub fn may_list_replicas(info: &ServerInfo, grants: &Grants) -> bool {
    grants.has(match info.version.flavour {
        Flavour::MySql => "REPLICATION SLAVE",
        Flavour::MariaDb => "REPLICATION MASTER ADMIN",
    })
}

/// The privilege to see where the binlog ends.
fn status_privilege(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::MySql => "REPLICATION CLIENT",
        Flavour::MariaDb => "BINLOG MONITOR",
    }
}

/// What makes roles count that were granted.
fn activate_roles(flavour: Flavour, account: &str) -> String {
    match flavour {
        Flavour::MySql => format!("SET DEFAULT ROLE ALL TO {account};"),
        Flavour::MariaDb => format!("SET DEFAULT ROLE its_name FOR {account};"),
    }
}

fn check_grants(flavour: Flavour, grants: &Grants, findings: &mut Vec<Finding>) {
    for (privilege, purpose) in [
        ("REPLICATION SLAVE", "to read the binlog"),
        (status_privilege(flavour), "to see where it ends"),
    ] {
        if grants.has(privilege) {
            continue;
        }
        let account = grants.account();
        let mut remedy = format!("GRANT {privilege} ON *.* TO {account};");
        if grants.has_roles() {
            remedy.push_str(&format!(
                " -- or, if a role has it: {}",
                activate_roles(flavour, account)
            ));
        }
        findings.push(error(
            format!("The account lacks {privilege}, which it needs {purpose}"),
            remedy,
        ));
    }
}

fn check_server_id(info: &ServerInfo, server_id: u32, findings: &mut Vec<Finding>) {
    if info.server_id == server_id {
        findings.push(error(
            format!("The server itself has the server id {server_id}, so it would send no events to a replica of that id"),
            "Choose a --server-id that neither the server nor another replica has.",
        ));
    }
}

/// GTIDs are turned on one step after another.
fn gtids_on(info: &ServerInfo) -> String {
    let verb = if persists(info) { "PERSIST" } else { "GLOBAL" };
    let steps = [
        "enforce_gtid_consistency = ON",
        "gtid_mode = OFF_PERMISSIVE",
        "gtid_mode = ON_PERMISSIVE",
        "gtid_mode = ON",
    ];
    let sql = steps.map(|step| format!("SET {verb} {step};")).join(" ");
    match persists(info) {
        true => sql,
        false => format!("{sql} -- and the first and the last in the server's option file, under [mysqld]"),
    }
}

/// Whether the server keeps what SET PERSIST says.
fn persists(info: &ServerInfo) -> bool {
    info.version.flavour == Flavour::MySql && info.version.is_at_least(8, 0, 11)
}

/// The SQL that changes a setting so that it survives a restart.
fn set(info: &ServerInfo, assignment: &str) -> String {
    if persists(info) {
        format!("SET PERSIST {assignment};")
    } else {
        format!("SET GLOBAL {assignment}; -- and the same in the server's option file, under [mysqld]")
    }
}

fn error(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Error,
        what: what.into(),
        remedy: remedy.into(),
    }
}

fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Warning,
        what: what.into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ServerInfo {
        ServerInfo {
            version: "9.7.4".parse().unwrap(),
            server_uuid: "55778904-0299-11f1-b1b8-4ef0c4956feb".into(),
            server_id: 1,
            log_bin: true,
            binlog_format: "ROW".into(),
            binlog_row_image: "FULL".into(),
            binlog_row_metadata: "FULL".into(),
            binlog_row_value_options: String::new(),
            gtid_mode: "ON".into(),
            gtid_executed: Default::default(),
            gtid_purged: Default::default(),
            lower_case_table_names: 0,
            binlog_checksum: "CRC32".into(),
            max_allowed_packet: 1 << 26,
            binlog_transaction_compression: false,
            utf8_is_utf8mb4: false,
        }
    }

    fn enough() -> Grants {
        ["GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `cdc`@`%`"]
            .into_iter()
            .collect()
    }

    #[test]
    fn a_good_server_has_no_findings() {
        assert_eq!(preflight(&good(), &enough(), 5400), []);
    }

    #[test]
    fn each_fault_is_found_with_its_severity_and_remedy() {
        use Severity::{Error, Warning};
        type Spoil = fn(&mut ServerInfo);
        let cases: &[(Spoil, Severity, &str)] = &[
            (|i| i.log_bin = false, Error, "[mysqld]"),
            (
                |i| i.binlog_format = "MIXED".into(),
                Error,
                "SET PERSIST binlog_format = ROW;",
            ),
            (
                |i| i.binlog_row_image = "MINIMAL".into(),
                Warning,
                "SET PERSIST binlog_row_image = FULL;",
            ),
            (
                |i| i.binlog_row_metadata = "MINIMAL".into(),
                Warning,
                "SET PERSIST binlog_row_metadata = FULL;",
            ),
            (|i| i.binlog_row_metadata = String::new(), Warning, "8.0"),
            (|i| i.gtid_mode = "OFF".into(), Warning, "gtid_mode = ON"),
            (|i| i.version = "5.6.51".parse().unwrap(), Error, "Upgrade"),
            (|i| i.server_id = 5400, Error, "--server-id"),
        ];
        for (spoil, severity, remedy) in cases {
            let mut info = good();
            spoil(&mut info);
            let findings = preflight(&info, &enough(), 5400);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!(findings[0].severity, *severity, "{findings:?}");
            assert!(findings[0].remedy.contains(remedy), "{findings:?}");
        }
    }

    #[test]
    fn differences_of_documents_need_the_documents() {
        let mut info = good();
        info.binlog_row_value_options = "PARTIAL_JSON".into();
        assert_eq!(preflight(&info, &enough(), 5400), []);
        info.binlog_row_image = "NOBLOB".into();
        let remedies: Vec<_> = preflight(&info, &enough(), 5400)
            .into_iter()
            .map(|finding| (finding.severity, finding.remedy))
            .collect();
        let expected = ["binlog_row_image = FULL", "binlog_row_value_options = ''"]
            .map(|setting| (Severity::Warning, format!("SET PERSIST {setting};")));
        assert_eq!(remedies, expected);
    }

    #[test]
    fn mariadb_has_privileges_and_settings_of_its_own() {
        let mariadb = ServerInfo {
            version: "11.8.2-MariaDB".parse().unwrap(),
            gtid_mode: String::new(),
            ..good()
        };
        let own: Grants = ["GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `cdc`@`%`"]
            .into_iter()
            .collect();
        assert_eq!(preflight(&mariadb, &own, 5400), []);
        assert!(!may_list_replicas(&mariadb, &own) && may_list_replicas(&good(), &enough()));
        let none: Grants = ["GRANT USAGE ON *.* TO `cdc`@`%`"].into_iter().collect();
        let remedies: Vec<_> = preflight(&mariadb, &none, 5400)
            .into_iter()
            .map(|f| f.remedy)
            .collect();
        assert_eq!(
            remedies,
            [
                "GRANT REPLICATION SLAVE ON *.* TO `cdc`@`%`;",
                "GRANT BINLOG MONITOR ON *.* TO `cdc`@`%`;"
            ]
        );
        let old = ServerInfo {
            version: "10.4.34-MariaDB".parse().unwrap(),
            binlog_row_metadata: "NO_LOG".into(),
            ..mariadb
        };
        let findings = preflight(&old, &own, 5400);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].what.contains("older than MariaDB 10.5"));
        assert!(
            findings[1]
                .remedy
                .starts_with("SET GLOBAL binlog_row_metadata = FULL;")
        );
    }

    #[test]
    fn settings_do_not_persist_on_old_servers() {
        let mut info = good();
        info.version = "5.7.44-log".parse().unwrap();
        info.binlog_format = "STATEMENT".into();
        let findings = preflight(&info, &enough(), 5400);
        assert!(
            findings[0].remedy.starts_with("SET GLOBAL binlog_format = ROW;"),
            "{findings:?}"
        );
    }

    #[test]
    fn missing_grants_are_named_one_by_one() {
        let grants: Grants = [
            "GRANT REPLICATION SLAVE ON *.* TO `cdc`@`%`",
            "GRANT `r`@`%` TO `cdc`@`%`",
        ]
        .into_iter()
        .collect();
        let findings = preflight(&good(), &grants, 5400);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].remedy,
            "GRANT REPLICATION CLIENT ON *.* TO `cdc`@`%`; -- or, if a role has it: SET DEFAULT ROLE ALL TO `cdc`@`%`;"
        );
        let all: Grants = ["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"]
            .into_iter()
            .collect();
        assert_eq!(preflight(&good(), &all, 5400), []);
    }
}
