//! Listeners of a broker that want a login, speak TLS, or both, beside the open one.

use std::path::Path;

use crate::error::{Result, TestbedError, file};
use crate::server_process::free_port;

/// Secured listeners, and who may log in at them.
#[derive(Clone, Debug, Default)]
pub struct Secured {
    /// The listeners; none by default.
    pub listeners: Vec<Listener>,
    /// Names and passwords of those who may log in by PLAIN. Names are words; passwords are without `"` and `\`.
    pub plain_users: Vec<(String, String)>,
    /// Names and passwords of those who may log in by SCRAM-SHA-256 and SCRAM-SHA-512, without `"` and commas.
    pub scram_users: Vec<(String, String)>,
}

/// A listener beside the open one.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// Its name: a word in capitals, and none of `PLAINTEXT` and `CONTROLLER`.
    pub name: &'static str,
    /// Whether clients must log in.
    pub login: bool,
    /// How it is encrypted, if it is.
    pub tls: Option<BrokerTls>,
}

/// What a broker encrypts with.
#[derive(Clone, Debug)]
pub struct BrokerTls {
    /// Its certificate, and those that lead to its authority, as PEM.
    pub certificate: String,
    /// The certificate's key, PKCS#8 as PEM.
    pub key: String,
    /// If clients must show a certificate: the authorities it may come from, as PEM.
    pub client_authorities: Option<String>,
}

/// A port for each listener, the same after a restart.
#[derive(Debug)]
pub(super) struct Ports(Vec<(&'static str, u16)>);

impl Ports {
    pub(super) fn choose(secured: &Secured) -> Result<Ports> {
        let listeners = secured.listeners.iter();
        listeners
            .map(|listener| Ok((listener.name, free_port()?)))
            .collect::<Result<_>>()
            .map(Ports)
    }

    pub(super) fn of(&self, name: &str) -> Result<u16> {
        let found = self.0.iter().find(|(listener, _)| *listener == name);
        let absent = || TestbedError::Unexpected(format!("the broker has no listener {name}"));
        found.map(|(_, port)| *port).ok_or_else(absent)
    }
}

impl Secured {
    /// What goes to the setting `listeners`, each with a comma before it.
    pub(super) fn addresses(&self, ports: &Ports) -> String {
        let Ports(all) = ports;
        all.iter()
            .map(|(name, port)| format!(",{name}://127.0.0.1:{port}"))
            .collect()
    }

    /// Lines of `server.properties`; writes the files that they name into `folder`.
    pub(super) fn settings(&self, folder: &Path) -> Result<String> {
        if self.listeners.is_empty() {
            return Ok(String::new());
        }
        let mut text =
            String::from("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
        for listener in &self.listeners {
            text.push_str(&format!(",{}:{}", listener.name, listener.protocol()));
        }
        text.push_str("\nsasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n");
        for listener in &self.listeners {
            if listener.login {
                text.push_str(&self.logins(listener.name));
            }
            if let Some(tls) = &listener.tls {
                text.push_str(&tls.settings(listener.name, folder)?);
            }
        }
        Ok(text)
    }

    fn logins(&self, listener: &str) -> String {
        let prefix = format!("listener.name.{}", listener.to_lowercase());
        let users: String = self
            .plain_users
            .iter()
            .map(|(name, password)| format!(" user_{name}=\"{password}\""))
            .collect();
        let module = "org.apache.kafka.common.security";
        let mut text = escaped(&format!(
            "{prefix}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required{users};\n"
        ));
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            text.push_str(&format!(
                "{prefix}.{mechanism}.sasl.jaas.config={module}.scram.ScramLoginModule required;\n"
            ));
        }
        text
    }

    /// Arguments with which the storage is formatted, so that those who log in by SCRAM are known from the start.
    pub(super) fn format_arguments(&self) -> Vec<String> {
        let of_user = |(name, password): &(String, String)| {
            ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(|mechanism| {
                let user = format!("{mechanism}=[name=\"{name}\",password=\"{password}\"]");
                ["--add-scram".to_owned(), user]
            })
        };
        self.scram_users.iter().flat_map(of_user).flatten().collect()
    }
}

impl Listener {
    fn protocol(&self) -> &'static str {
        match (self.login, &self.tls) {
            (false, None) => "PLAINTEXT",
            (false, Some(_)) => "SSL",
            (true, None) => "SASL_PLAINTEXT",
            (true, Some(_)) => "SASL_SSL",
        }
    }
}

impl BrokerTls {
    fn settings(&self, listener: &str, folder: &Path) -> Result<String> {
        let name = listener.to_lowercase();
        let prefix = format!("listener.name.{name}.ssl");
        let store = |kind: &str, pem: &str| {
            let path = folder.join(format!("{name}-{kind}.pem"));
            std::fs::write(&path, pem).map_err(file("write", &path))?;
            let path = path.display();
            Ok(format!(
                "{prefix}.{kind}.type=PEM\n{prefix}.{kind}.location={path}\n"
            ))
        };
        let mut text = store("keystore", &format!("{}{}", self.key, self.certificate))?;
        if let Some(authorities) = &self.client_authorities {
            text.push_str(&store("truststore", authorities)?);
            text.push_str(&format!("{prefix}.client.auth=required\n"));
        }
        Ok(text)
    }
}

/// As a file of properties must hold it, which is read as Latin-1.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\u{unit:04x}")),
        }
    }
    escaped
}
