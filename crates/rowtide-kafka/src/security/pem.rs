//! Certificates and keys as PEM, from files and from settings.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pkcs8::{EncryptedPrivateKeyInfo, pkcs5};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Settings, setting};
use crate::error::KafkaError;

/// PEM, and the setting that it comes from.
pub(super) struct Text {
    property: &'static str,
    bytes: Vec<u8>,
}

impl Text {
    /// What the setting itself holds.
    pub(super) fn of(property: &'static str, pem: &str) -> Self {
        Self {
            property,
            bytes: pem.as_bytes().to_vec(),
        }
    }

    /// What the file holds that a setting names.
    fn at(property: &'static str, path: &Path) -> Result<Self, KafkaError> {
        let bytes = std::fs::read(path)
            .map_err(|e| setting(property, format!("{} cannot be read: {e}", path.display())))?;
        Ok(Self { property, bytes })
    }

    /// What one of two settings gives: `location` names a file, `pem` is the text.
    pub(super) fn either(
        settings: &Settings<'_, '_>,
        location: &'static str,
        pem: &'static str,
    ) -> Result<Option<Self>, KafkaError> {
        match (settings.get(location), settings.get(pem)) {
            (None, None) => Ok(None),
            (Some(path), None) => Self::at(location, Path::new(path)).map(Some),
            (None, Some(text)) => Ok(Some(Self::of(pem, text))),
            (Some(_), Some(_)) => Err(setting(
                pem,
                format!("{location} is set too: leave one of them out"),
            )),
        }
    }

    /// The certificates, one or more.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, KafkaError> {
        CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|found| !found.is_empty())
            .ok_or_else(|| self.error("it holds no certificates in PEM"))
    }

    /// The first private key.
    pub(super) fn private_key(&self, password: Option<&str>) -> Result<PrivateKeyDer<'static>, KafkaError> {
        if contains(&self.bytes, TRADITIONAL_ENCRYPTION) {
            return Err(self.error(format!(
                "it is encrypted in OpenSSL's old form: convert it ({CONVERT})"
            )));
        }
        match PrivateKeyDer::from_pem_slice(&self.bytes) {
            Ok(key) => Ok(key),
            Err(_) if contains(&self.bytes, ENCRYPTED_BEGIN) => self.decrypted(password),
            Err(_) => Err(self.error("it holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)")),
        }
    }

    fn decrypted(&self, password: Option<&str>) -> Result<PrivateKeyDer<'static>, KafkaError> {
        let name = "ssl.key.password";
        let password = password.ok_or_else(|| setting(name, "the key is encrypted and needs it"))?;
        let der = self
            .encrypted_der()
            .ok_or_else(|| self.error("its encrypted key cannot be read"))?;
        let unknown = || self.error(format!("its encryption is not known: convert it ({CONVERT})"));
        let key = EncryptedPrivateKeyInfo::try_from(der.as_slice()).map_err(|_| unknown())?;
        match key.decrypt(password) {
            Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
            // The first is what pkcs5 says when it cannot decrypt; a wrong password may by chance decrypt to what is no key.
            Err(
                pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::EncryptFailed | pkcs5::Error::DecryptFailed)
                | pkcs8::Error::Asn1(_),
            ) => Err(setting(name, "the key cannot be decrypted with it")),
            Err(_) => Err(unknown()),
        }
    }

    fn encrypted_der(&self) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        let (_, rest) = text.split_once(ENCRYPTED_BEGIN)?;
        let (body, _) = rest.split_once(ENCRYPTED_END)?;
        let body: String = body.split_ascii_whitespace().collect();
        BASE64.decode(body).ok()
    }

    fn error(&self, reason: impl Into<String>) -> KafkaError {
        setting(self.property, reason)
    }
}

/// The certificates in a file, or in all files of a folder that have any.
pub(super) fn authorities_at(
    property: &'static str,
    path: &str,
) -> Result<Vec<CertificateDer<'static>>, KafkaError> {
    let path = Path::new(path);
    if !path.is_dir() {
        return Text::at(property, path)?.certificates();
    }
    let unreadable = |e| setting(property, format!("{} cannot be read: {e}", path.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.is_file() {
            let certificates = Text::at(property, &file)?.certificates();
            found.extend(certificates.into_iter().flatten());
        }
    }
    if found.is_empty() {
        return Err(setting(
            property,
            "none of the folder's files holds a certificate in PEM",
        ));
    }
    Ok(found)
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// What stands in keys that OpenSSL encrypts by its own method, older than PKCS#8.
const TRADITIONAL_ENCRYPTION: &str = "Proc-Type: 4,ENCRYPTED";
const CONVERT: &str = "`openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW`";

#[cfg(test)]
mod tests {
    use super::*;

    /// One key, made by OpenSSL 3.0, as it is and encrypted with the password `ein-Wort` in several ways.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRnqAPTf9lRnrH2MN
cIXdfJTGfnSg44W0PCQF24XnYiehRANCAAT6YRGzHyKPZYGnqXV3SKwUMgC535cU
Q3bmCEUSVn2SPnTutsQJ9ACoEWUHdQ0gNEIOZZQaOBFjf/XW/0VjVRy4
-----END PRIVATE KEY-----";
    const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi76A0uP/9jsQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPDUZI0yukb01o6T4/NsbIYEgZCn
1zlYKXvOpQMAYqOya76lu4Z+Ep++2qF/YlvV1LnIbqEmHTl3rnsp/C8mJC+G4Ocj
a2Sbt+LxciHj3W26ZCh2REcdd/hpmFBOyIrfxJpRotDWzsAo0btcHiyjWaJQsuPq
FLcUQiXcaLDOlu+DSj/2aSe+ncdrb7HKqMbq5o+XcEGXj5lWcin9baUZKU5I+hw=
-----END ENCRYPTED PRIVATE KEY-----";
    const ENCRYPTED_BY_SCRYPT: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAg2XFY8y99fbQICQAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBDXmCX9sxKxgpykZmXFsxGPBIGQvr84XZlqp6Fp
QGiGvK+LyIJqgFK+XxiXoA7dvW7AUnw+zR7Rd8F/rpD7fx/Xu9EiEQhFiag79oaX
fELycvIw6SNjdAe7F1tNNfKTSyosTLyMq7SI9tYNwNHdWM7fJUM2VBy3hA3utYaP
bicxk/YVvUlOsDiidJXkyxWAauztgkhoq4nYJWvkpxdYdUbFc79M
-----END ENCRYPTED PRIVATE KEY-----";
    const ENCRYPTED_BY_PBES1: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQIqZFP0DRI9ggCAggABIGQlZUlikjQq2WoEpBy
W+3kOe2Ew0aZS1fxyHQvVQJ2NkIZO/6F+2K9p2zJN1E8Fp/DfRgTJfFJatrAL3hQ
U/39Dqjx0wxpjY/5qr9SDdGsBjRM6bKhulrzF0ssgZ0RNalSVr/4b0nzPkQhx4l7
xakcftk0yy3rLo76t0fJC6X8lbdQJPQ+aDgcLfVRavJC/P4z
-----END ENCRYPTED PRIVATE KEY-----";
    const ENCRYPTED_BY_3DES: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAiPU2Br3RirBQICCAAw
DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIy9jyYxRkctUEgZDbe1D4/C3cD/Mi
uLpVorWuKQve2WLWqr1HfBUDRjt6yQ+X+HR8VheyNBTbe77h3apHT2fRbKPVSNAW
VCZ+SC1HCUZtxMM60tCDws1CYWXnDzDy+spAcQouOGoddLnOL2GFbb+eOM2WP5/b
BRCo7Eckbsfb8SMwAijk/xsUw8S9NkAuLUlakG8e7hikmzjsHpI=
-----END ENCRYPTED PRIVATE KEY-----";
    const TRADITIONAL: &str = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,AF35EC8DC99F2021F679A8DD50E852AD

6O9m3uCddoP6dYqm9zLmc2e5B/5FBngcEfIWpXM9xhkFH9dMwZwfidf3tY/Bsbtm
F9BxATlHgph43AL3XYx62GXUar4mTJUoMp0UW6PRR9r6yCvynp3n0lWCw6rW8Tk2
c8NGv5EM88HEiSIvDGe9rpkr9GwQlQgmi1D8/JX0q5c=
-----END EC PRIVATE KEY-----";

    fn key(pem: &str, password: Option<&str>) -> Result<PrivateKeyDer<'static>, KafkaError> {
        Text::of("ssl.key.pem", pem).private_key(password)
    }

    fn refused(pem: &str, password: Option<&str>) -> (String, String) {
        match key(pem, password) {
            Err(KafkaError::Setting { property, reason }) => (property, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_encrypted_key_is_the_same_key() {
        let clear = key(KEY, None).unwrap();
        // OpenSSL takes a password for a key that needs none.
        assert_eq!(key(KEY, Some("ein-Wort")).unwrap(), clear);
        for encrypted in [ENCRYPTED, ENCRYPTED_BY_SCRYPT] {
            assert_eq!(key(encrypted, Some("ein-Wort")).unwrap(), clear);
            let with_more = format!("Bag Attributes\n{encrypted}\n");
            assert_eq!(key(&with_more, Some("ein-Wort")).unwrap(), clear);
        }
    }

    #[test]
    fn a_key_that_cannot_be_decrypted_says_which_setting_is_wrong() {
        let (property, reason) = refused(ENCRYPTED, None);
        assert_eq!(
            (property.as_str(), reason.as_str()),
            ("ssl.key.password", "the key is encrypted and needs it")
        );
        let (property, reason) = refused(ENCRYPTED, Some("hunter2"));
        assert_eq!(property, "ssl.key.password");
        assert!(!reason.contains("hunter2"), "{reason}");
        for old in [ENCRYPTED_BY_PBES1, ENCRYPTED_BY_3DES, TRADITIONAL] {
            let (property, reason) = refused(old, Some("ein-Wort"));
            assert_eq!(property, "ssl.key.pem");
            assert!(reason.contains("openssl pkcs8 -topk8"), "{reason}");
        }
        let (property, reason) = refused("no key", None);
        assert_eq!(property, "ssl.key.pem");
        assert!(reason.contains("holds no private key"), "{reason}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = authorities_at("ssl.ca.location", "/none/ca.pem")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`ssl.ca.location`") && error.contains("/none/ca.pem cannot be read"),
            "{error}"
        );
        let error = Text::of("ssl.ca.pem", KEY)
            .certificates()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`ssl.ca.pem`") && error.contains("no certificates"),
            "{error}"
        );
    }
}
