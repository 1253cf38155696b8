//! Every way to secure the connection to a broker: where it works, and where it must not.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rowtide_kafka::{
    CheckpointStore, CreateTopics, KafkaError, KafkaOptions, Publisher, Recovery, TopicSpec, Topics,
};
use rowtide_testbed::{BrokerTls, Kafka, Listener, Secured};

use fixtures::{batch, checkpoint, tables};

const USER: &str = "rowtide";
/// SASLprep would change it: Kafka takes it as it is.
const PASSWORD: &str = "pa\u{fb01}\u{a0}ss wörd";
const WRONG_PASSWORD: &str = "not-the-password";

type Settings<'a> = Vec<(&'a str, String)>;

#[test]
fn encrypted() {
    works("encrypted", "SSL", &tls("ssl"));
}

#[test]
fn encrypted_with_settings_that_hold_the_authority() {
    let ca = std::fs::read_to_string(file("ca.pem")).unwrap();
    works(
        "encrypted_pem",
        "SSL",
        &vec![("security.protocol", "SSL".into()), ("ssl.ca.pem", ca)],
    );
}

#[test]
fn with_a_client_certificate() {
    let mut settings = tls("ssl");
    settings.push(("ssl.certificate.location", path("client.pem")));
    settings.push(("ssl.key.location", path("client-key.pem")));
    works("certificate", "MUTUAL", &settings);
}

#[test]
fn with_a_client_certificate_whose_key_is_encrypted() {
    let mut settings = tls("ssl");
    settings.push(("ssl.certificate.location", path("client.pem")));
    settings.push(("ssl.key.location", path("client-key-encrypted.pem")));
    settings.push(("ssl.key.password", PASSWORD.into()));
    works("encrypted_key", "MUTUAL", &settings);
}

#[test]
fn logged_in_by_plain() {
    works("plain", "LOGIN", &login("PLAIN", PASSWORD));
}

#[test]
fn logged_in_by_plain_and_encrypted() {
    works("plain_tls", "LOGIN_TLS", &encrypted_login("PLAIN", PASSWORD));
}

#[test]
fn logged_in_by_scram_sha_256() {
    works("scram", "LOGIN", &login("SCRAM-SHA-256", PASSWORD));
}

#[test]
fn logged_in_by_scram_sha_512_and_encrypted() {
    works(
        "scram_tls",
        "LOGIN_TLS",
        &encrypted_login("SCRAM-SHA-512", PASSWORD),
    );
}

#[test]
fn a_wrong_password_is_refused_at_once() {
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        refused("wrong", "LOGIN", &login(mechanism, WRONG_PASSWORD));
        refused(
            "wrong_tls",
            "LOGIN_TLS",
            &encrypted_login(mechanism, WRONG_PASSWORD),
        );
    }
}

#[test]
fn an_authority_that_did_not_sign_is_refused() {
    let settings = vec![
        ("security.protocol", "ssl".into()),
        ("ssl.ca.location", path("other-ca.pem")),
    ];
    refused("unknown_ca", "SSL", &settings);
}

#[test]
fn a_certificate_for_another_name_is_refused_unless_names_do_not_count() {
    let mut settings = tls("ssl");
    refused("misnamed", "MISNAMED", &settings);
    settings.push(("ssl.endpoint.identification.algorithm", "none".into()));
    works("any_name", "MISNAMED", &settings);
}

/// librdkafka, which reads, never says so.
#[test]
fn without_the_certificate_that_the_broker_wants_the_producer_says_so() {
    let options = options("no_certificate", "MUTUAL", &tls("ssl"));
    refused_by("producer", &options, || Publisher::connect(&options).err());
    refused_by("topics", &options, || {
        Topics::connect(&options, CreateTopics::Allowed).err()
    });
}

#[test]
fn without_any_check_any_certificate_is_taken() {
    let settings = vec![
        ("security.protocol", "ssl".into()),
        ("enable.ssl.certificate.verification", "false".into()),
    ];
    works("unchecked", "SSL", &settings);
}

/// Sends a record, commits it with a checkpoint, and reads the checkpoint, all by one listener.
fn works(source: &str, listener: &str, settings: &Settings<'_>) {
    let options = options(source, listener, settings);
    let topic = format!("{source}.db.t");
    let mut topics = Topics::connect(&options, CreateTopics::Allowed).unwrap();
    topics.ensure_own_topics(-1).unwrap();
    topics.ensure_topic(&topic, &TopicSpec::default()).unwrap();

    let mut publisher = Publisher::connect(&options).unwrap();
    publisher.begin().unwrap();
    publisher
        .send(&tables(&[&topic]), &batch([(0, None, Some("sent"))]), 0..1)
        .unwrap();
    publisher.commit(&checkpoint(source, 4)).unwrap();
    drop(publisher);

    // The next instance waits until what the last one committed can be seen.
    let _next = Publisher::connect(&options).unwrap();
    assert_eq!(
        CheckpointStore::read(&options).unwrap(),
        Some(checkpoint(source, 4))
    );
    let records = broker().kafka.read_all(&[&topic], true).unwrap();
    let values: Vec<_> = records.into_iter().map(|record| record.value).collect();
    assert_eq!(values, [Some(b"sent".to_vec())]);
}

/// The producer, the reader and the topics are each refused, long before the time to connect is over.
fn refused(source: &str, listener: &str, settings: &Settings<'_>) {
    let options = options(source, listener, settings);
    refused_by("producer", &options, || Publisher::connect(&options).err());
    refused_by("reader", &options, || CheckpointStore::read(&options).err());
    refused_by("topics", &options, || {
        Topics::connect(&options, CreateTopics::Allowed).err()
    });
}

fn refused_by(what: &str, options: &KafkaOptions, attempt: impl Fn() -> Option<KafkaError>) {
    let start = Instant::now();
    let error = attempt().expect(what);
    assert!(
        matches!(error, KafkaError::Authentication { .. }),
        "{what}: {error}"
    );
    assert!(start.elapsed() < options.timeouts.connect / 4, "{what}: {error}");
    assert_eq!(error.recovery(), Recovery::Stop);
    assert!(!format!("{error} {error:?}").contains(WRONG_PASSWORD), "{what}");
}

fn options(source: &str, listener: &str, settings: &Settings<'_>) -> KafkaOptions {
    let mut options = KafkaOptions::new(broker().kafka.bootstrap_of(listener).unwrap(), source);
    options.timeouts.connect = Duration::from_secs(120);
    options.config = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    options
}

fn tls(protocol: &str) -> Settings<'static> {
    vec![
        ("security.protocol", protocol.into()),
        ("ssl.ca.location", path("ca.pem")),
    ]
}

fn login(mechanism: &str, password: &str) -> Settings<'static> {
    let mut settings = vec![("security.protocol", "sasl_plaintext".into())];
    settings.extend(credentials(mechanism, password));
    settings
}

fn encrypted_login(mechanism: &str, password: &str) -> Settings<'static> {
    let mut settings = tls("SASL_SSL");
    settings.extend(credentials(mechanism, password));
    settings
}

fn credentials(mechanism: &str, password: &str) -> [(&'static str, String); 3] {
    [
        ("sasl.mechanism", mechanism.into()),
        ("sasl.username", USER.into()),
        ("sasl.password", password.into()),
    ]
}

/// The broker of all tests; the files that its clients need are in its folder, which ends with it.
struct Broker {
    kafka: Kafka,
}

fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| Broker::start().expect("a broker"))
}

fn file(name: &str) -> PathBuf {
    broker().file(name)
}

fn path(name: &str) -> String {
    file(name).display().to_string()
}

impl Broker {
    fn start() -> rowtide_testbed::Result<Self> {
        let (authority, other) = (Authority::new("authority"), Authority::new("other"));
        let users = vec![(USER.to_owned(), PASSWORD.to_owned())];
        let listener = |name, login, tls| Listener { name, login, tls };
        let kafka = Kafka::start(rowtide_testbed::KafkaOptions {
            secured: Secured {
                listeners: vec![
                    listener("SSL", false, Some(authority.broker("127.0.0.1"))),
                    listener("MISNAMED", false, Some(authority.broker("other.example"))),
                    listener("MUTUAL", false, Some(authority.strict_broker())),
                    listener("LOGIN", true, None),
                    listener("LOGIN_TLS", true, Some(authority.broker("127.0.0.1"))),
                ],
                plain_users: users.clone(),
                scram_users: users,
            },
            ..Default::default()
        })?;
        let broker = Self { kafka };
        authority.write_client_files(&broker);
        std::fs::write(broker.file("other-ca.pem"), &other.certificate).unwrap();
        Ok(broker)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.kafka.log().with_file_name(name)
    }
}

/// An authority, and what it signs.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { certificate, issuer }
    }

    fn sign(&self, name: &str, key: &KeyPair, purpose: ExtendedKeyUsagePurpose) -> String {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    fn broker(&self, name: &str) -> BrokerTls {
        let key = KeyPair::generate().unwrap();
        BrokerTls {
            certificate: self.sign(name, &key, ExtendedKeyUsagePurpose::ServerAuth),
            key: key.serialize_pem(),
            client_authorities: None,
        }
    }

    /// A broker that wants a certificate of the client.
    fn strict_broker(&self) -> BrokerTls {
        BrokerTls {
            client_authorities: Some(self.certificate.clone()),
            ..self.broker("127.0.0.1")
        }
    }

    fn write_client_files(&self, broker: &Broker) {
        let write = |name: &str, pem: &str| std::fs::write(broker.file(name), pem).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = self.sign("rowtide", &key, ExtendedKeyUsagePurpose::ClientAuth);
        write("ca.pem", &self.certificate);
        write("client.pem", &certificate);
        write("client-key.pem", &key.serialize_pem());
        write("client-key-encrypted.pem", &encrypted_pem(&key));
    }
}

/// The key as OpenSSL 3 encrypts it: PBKDF2 and AES-256-CBC.
fn encrypted_pem(key: &KeyPair) -> String {
    use base64::Engine as _;
    let parameters =
        pkcs8::pkcs5::pbes2::Parameters::pbkdf2_sha256_aes256cbc(2048, &[7; 8], &[9; 16]).unwrap();
    let der = key.serialize_der();
    let clear = pkcs8::PrivateKeyInfo::try_from(der.as_slice()).unwrap();
    let encrypted = clear.encrypt_with_params(parameters, PASSWORD).unwrap();
    let body = base64::engine::general_purpose::STANDARD.encode(encrypted.as_bytes());
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n",
        lines.join("\n")
    )
}
