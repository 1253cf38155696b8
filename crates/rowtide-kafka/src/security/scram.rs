//! Login by SCRAM ([RFC 5802](https://www.rfc-editor.org/rfc/rfc5802),
//! [RFC 7677](https://www.rfc-editor.org/rfc/rfc7677)), which shows that both sides know the password and sends it to
//! neither. Without channel binding, which Kafka does not have.
//!
//! The RFC has user and password prepared by SASLprep. Kafka takes their UTF-8 as it is, when a user is created and in
//! its own clients, and so does this.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use super::error::SecurityError;
use super::sasl::Answer;

/// The hash function of the mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    pub(super) fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        self.hmac().digest_algorithm()
    }
}

/// How many iterations a broker may ask for: RFC 7677's least; and what takes a second or so, for a broker must not be
/// able to keep us busy for long.
pub(super) const ITERATIONS: RangeInclusive<u64> = 4096..=1_000_000;

/// A number that was not used before, in characters that stand for themselves in a message.
///
/// # Errors
/// [`SecurityError::Random`].
pub(super) fn nonce() -> Result<String, SecurityError> {
    let mut bytes = [0; 24];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| SecurityError::Random)?;
    Ok(BASE64.encode(bytes))
}

/// One login.
pub(super) struct Scram {
    hash: Hash,
    password: Vec<u8>,
    nonce: String,
    /// The first message without what stands before the user.
    first_bare: String,
    step: Step,
}

enum Step {
    AwaitsChallenge,
    AwaitsSignature { key: hmac::Key, message: String },
    Over,
}

impl Scram {
    pub(super) fn new(hash: Hash, username: &str, password: &[u8], nonce: String) -> Self {
        let username = username.replace('=', "=3D").replace(',', "=2C");
        Self {
            hash,
            password: password.to_vec(),
            first_bare: format!("n={username},r={nonce}"),
            nonce,
            step: Step::AwaitsChallenge,
        }
    }

    pub(super) fn first(&self) -> Vec<u8> {
        format!("{GS2_HEADER}{}", self.first_bare).into_bytes()
    }

    pub(super) fn challenge(&mut self, bytes: &[u8]) -> Result<Answer, SecurityError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SecurityError::Malformed("it is no text"))?;
        match std::mem::replace(&mut self.step, Step::Over) {
            Step::AwaitsChallenge => self.prove(text).map(Answer::Send),
            Step::AwaitsSignature { key, message } => self.verify(text, &key, &message),
            Step::Over => Err(SecurityError::Malformed("it comes after the last one")),
        }
    }

    /// Answers the broker's first message, `r=NONCE,s=SALT,i=ITERATIONS`.
    fn prove(&mut self, server_first: &str) -> Result<Vec<u8>, SecurityError> {
        self.refusal(server_first)?;
        let challenge = Challenge::read(server_first)?;
        if challenge.nonce.len() <= self.nonce.len() || !challenge.nonce.starts_with(&self.nonce) {
            return Err(SecurityError::Impostor("its answer is to another login"));
        }
        let without_proof = format!("c={},r={}", BASE64.encode(GS2_HEADER), challenge.nonce);
        let message = format!("{},{server_first},{without_proof}", self.first_bare);

        let salted_password = self.salted_password(&challenge);
        let client_key = hmac::sign(&salted_password, b"Client Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());
        let stored_key = hmac::Key::new(self.hash.hmac(), stored_key.as_ref());
        let signature = hmac::sign(&stored_key, message.as_bytes());
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(key, signature)| key ^ signature)
            .collect();

        let server_key = hmac::sign(&salted_password, b"Server Key");
        let key = hmac::Key::new(self.hash.hmac(), server_key.as_ref());
        self.step = Step::AwaitsSignature { key, message };
        Ok(format!("{without_proof},p={}", BASE64.encode(proof)).into_bytes())
    }

    fn salted_password(&self, challenge: &Challenge<'_>) -> hmac::Key {
        let mut salted = vec![0; self.hash.digest().output_len()];
        pbkdf2::derive(
            self.hash.pbkdf2(),
            challenge.iterations,
            &challenge.salt,
            &self.password,
            &mut salted,
        );
        hmac::Key::new(self.hash.hmac(), &salted)
    }

    /// Takes the broker's last message, `v=SIGNATURE`.
    fn verify(&self, server_final: &str, key: &hmac::Key, message: &str) -> Result<Answer, SecurityError> {
        self.refusal(server_final)?;
        let signature = server_final
            .split(',')
            .next()
            .and_then(|first| first.strip_prefix("v="))
            .and_then(|signature| BASE64.decode(signature).ok())
            .ok_or(SecurityError::Malformed("it has no signature"))?;
        hmac::verify(key, message.as_bytes(), &signature)
            .map(|()| Answer::Done)
            .map_err(|_| SecurityError::Impostor("its signature is wrong"))
    }

    /// # Errors
    /// If the message says that the broker refuses the login: `e=REASON`.
    fn refusal(&self, message: &str) -> Result<(), SecurityError> {
        let Some(rest) = message.strip_prefix("e=") else {
            return Ok(());
        };
        // The RFC's reasons are words such as `unknown-user`.
        let is_of_word = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        let reason: String = rest.chars().take_while(is_of_word).take(64).collect();
        Err(SecurityError::Login {
            mechanism: self.hash.mechanism(),
            reason,
        })
    }
}

/// The broker's first message.
struct Challenge<'m> {
    nonce: &'m str,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl<'m> Challenge<'m> {
    /// The three parts come in this order; others may follow. (`m=` before them is of an extension that a client must
    /// know, and none exists.)
    fn read(message: &'m str) -> Result<Self, SecurityError> {
        let mut parts = message.split(',');
        let mut part = |prefix| parts.next().and_then(|part| part.strip_prefix(prefix));
        let nonce = part("r=").ok_or(SecurityError::Malformed("it has no nonce"))?;
        let salt = part("s=")
            .and_then(|salt| BASE64.decode(salt).ok())
            .filter(|salt| !salt.is_empty())
            .ok_or(SecurityError::Malformed("it has no salt"))?;
        let iterations: u64 = part("i=")
            .and_then(|iterations| iterations.parse().ok())
            .ok_or(SecurityError::Malformed("it has no number of iterations"))?;
        let iterations = Some(iterations)
            .filter(|iterations| ITERATIONS.contains(iterations))
            .and_then(|iterations| u32::try_from(iterations).ok())
            .and_then(NonZeroU32::new)
            .ok_or(SecurityError::Iterations(iterations))?;
        Ok(Self {
            nonce,
            salt,
            iterations,
        })
    }
}

/// Says that the client has no channel binding and acts for nobody else.
const GS2_HEADER: &str = "n,,";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The exchange of RFC 7677, section 3.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn login(password: &str) -> Scram {
        Scram::new(Hash::Sha256, "user", password.as_bytes(), NONCE.into())
    }

    fn sent(text: &str) -> Result<Answer, SecurityError> {
        Ok(Answer::Send(text.as_bytes().to_vec()))
    }

    #[test]
    fn the_exchange_of_rfc_7677() {
        let mut scram = login("pencil");
        assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(scram.challenge(SERVER_FIRST.as_bytes()), sent(CLIENT_FINAL));
        assert_eq!(scram.challenge(SERVER_FINAL.as_bytes()), Ok(Answer::Done));
        let after = scram.challenge(SERVER_FINAL.as_bytes()).unwrap_err();
        assert_eq!(after, SecurityError::Malformed("it comes after the last one"));
    }

    /// Made by another implementation (Python's hashlib), with a user to be escaped and a password that SASLprep would
    /// change.
    #[test]
    fn sha_512_with_a_user_that_is_escaped_and_a_password_as_it_is() {
        let password = "pa\u{fb01}\u{a0}ss";
        let mut scram = Scram::new(Hash::Sha512, "us=er,1", password.as_bytes(), "abcdefgh".into());
        assert_eq!(scram.first(), b"n,,n=us=3Der=2C1,r=abcdefgh");
        assert_eq!(
            scram.challenge(b"r=abcdefghXYZ,s=c2FsdHNhbHRzYWx0,i=4096"),
            sent(
                "c=biws,r=abcdefghXYZ,\
                 p=Fda72lhpXOATKwTlZI36xl/p8N7UYoyWznyhXfqrpXDKdJXvvLxxLV2YgJss0w0XPMFGjRNsgCw/CNMoXJ/0qQ=="
            )
        );
        let last =
            b"v=EJcxJh6j+b8DuMwcUrXqCgI4VSBrGLZFXRHkeUqbwT5AsBslKbPwFp17c3gZJZLLvIW0+zR0qf5/geemmaUuWA==";
        assert_eq!(scram.challenge(last), Ok(Answer::Done));
    }

    #[test]
    fn a_broker_that_does_not_know_the_password_is_an_impostor() {
        let mut scram = login("another");
        scram.challenge(SERVER_FIRST.as_bytes()).unwrap();
        let error = scram.challenge(SERVER_FINAL.as_bytes()).unwrap_err();
        assert_eq!(error, SecurityError::Impostor("its signature is wrong"));
        assert!(error.is_refused());
        for nonce in ["r=another,s=AAAA,i=4096", "r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096"] {
            let error = login("pencil").challenge(nonce.as_bytes()).unwrap_err();
            assert_eq!(error, SecurityError::Impostor("its answer is to another login"));
        }
    }

    #[test]
    fn a_refusal_is_told_by_its_word_alone() {
        let mut scram = login("pencil");
        scram.challenge(SERVER_FIRST.as_bytes()).unwrap();
        let error = scram.challenge(b"e=invalid-proof\nand more").unwrap_err();
        assert!(error.is_refused());
        assert_eq!(
            error,
            SecurityError::Login {
                mechanism: "SCRAM-SHA-256",
                reason: "invalid-proof".into()
            }
        );
    }

    #[test]
    fn too_few_and_too_many_iterations_are_refused() {
        for iterations in [0, 1, 4095, 1_000_001, u64::MAX] {
            let first = format!("r={NONCE}x,s=AAAA,i={iterations}");
            let error = login("pencil").challenge(first.as_bytes()).unwrap_err();
            assert_eq!(error, SecurityError::Iterations(iterations));
            assert!(
                error.is_refused() && error.to_string().contains("4096 to 1000000"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_message_of_scram_says_so() {
        for wrong in [
            "",
            "m=x,r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx",
            "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=A*,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=many",
            "r=rOprNGfwEbeRWgbNEkqOx,i=4096,s=AAAA",
        ] {
            let error = login("pencil").challenge(wrong.as_bytes()).unwrap_err();
            assert!(
                matches!(error, SecurityError::Malformed(_)) && !error.is_refused(),
                "{wrong}"
            );
        }
        let mut scram = login("pencil");
        scram.challenge(SERVER_FIRST.as_bytes()).unwrap();
        let error = scram.challenge(b"v=***").unwrap_err();
        assert_eq!(error, SecurityError::Malformed("it has no signature"));
    }

    proptest! {
        #[test]
        fn no_bytes_of_the_broker_panic(
            first in proptest::collection::vec(any::<u8>(), 0..200),
            last in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut scram = login("pencil");
            let _ = scram.challenge(&first);
            let _ = scram.challenge(&last);
            let mut scram = login("pencil");
            scram.challenge(SERVER_FIRST.as_bytes()).unwrap();
            prop_assert!(scram.challenge(&last).is_err());
        }

        #[test]
        fn no_parts_of_the_broker_panic(
            nonce in ".{0,30}", salt in "[A-Za-z0-9+/=]{0,30}", iterations in "[0-9]{0,3}", rest in ".{0,20}",
        ) {
            let first = format!("r={NONCE}{nonce},s={salt},i={iterations}{rest}");
            let _ = login("pencil").challenge(first.as_bytes());
        }
    }
}
