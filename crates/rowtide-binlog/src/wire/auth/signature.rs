//! The two plugins of MariaDB in which the password is the secret key of a signature, so that the server stores only a
//! public key.

use std::num::NonZeroU32;

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA512};
use rowtide_event::{Malformed, Reader};
use rsa::rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha512};

use super::AuthError;

/// The random bytes that are signed.
pub(super) type Challenge = [u8; 32];

/// How a key is derived from a password for `parsec` (MariaDB's `ext-salt`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Derivation<'a> {
    iterations: NonZeroU32,
    salt: &'a [u8],
}

/// `P`: PBKDF2 with HMAC-SHA512, the one function there is.
const PBKDF2: u8 = b'P';
/// Twice as many iterations for each step.
const LEAST_ITERATIONS: u32 = 1024;
/// A million iterations: half a second of work. MariaDB 11.8 knows steps 0 to 3.
const MOST_STEPS: u8 = 10;
const SALT: usize = 18;

/// Reads what a server asks to be signed, with or without a NUL behind it.
pub(super) fn challenge(bytes: &[u8]) -> Result<Challenge, Malformed> {
    let exact = match bytes {
        [exact @ .., 0] if exact.len() == size_of::<Challenge>() => exact,
        exact => exact,
    };
    exact
        .try_into()
        .map_err(|_| Malformed::Invalid("challenge of the server"))
}

/// The answer of `client_ed25519`: a signature of the challenge by Ed25519, in which the password, of any length, takes
/// the place of the 32 bytes that a secret key is.
pub(super) fn ed25519(password: &str, challenge: &Challenge) -> Vec<u8> {
    let secret = ExpandedSecretKey::from_bytes(&Sha512::digest(password).into());
    let public = VerifyingKey::from(&secret);
    raw_sign::<Sha512>(&secret, challenge, &public)
        .to_bytes()
        .to_vec()
}

/// The answer of `parsec`: a challenge of our own, and the signature of both by the key that is derived from the password.
///
/// # Errors
/// If the system has no random numbers.
pub(super) fn parsec(
    password: &str,
    derivation: &Derivation<'_>,
    challenge: &Challenge,
) -> Result<Vec<u8>, AuthError> {
    let mut own = Challenge::default();
    OsRng
        .try_fill_bytes(&mut own)
        .map_err(|_| AuthError::NoRandomNumbers)?;
    let both = [*challenge, own].concat();
    let signature = derivation.key(password).sign(&both).to_bytes();
    Ok([&own[..], &signature[..]].concat())
}

impl<'a> Derivation<'a> {
    /// Reads the server's packet.
    pub(super) fn read(packet: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "salt of parsec";
        let mut reader = Reader::new(packet);
        if reader.u8(WHAT)? != PBKDF2 {
            return Err(Malformed::Unsupported("the key derivation of parsec"));
        }
        let steps = reader.u8(WHAT)?;
        let salt = reader.take(SALT, WHAT)?;
        reader.finish(WHAT)?;
        let iterations = if steps <= MOST_STEPS {
            LEAST_ITERATIONS
                .checked_shl(u32::from(steps))
                .and_then(NonZeroU32::new)
        } else {
            None
        };
        Ok(Self {
            iterations: iterations.ok_or(Malformed::TooLarge("iterations of parsec"))?,
            salt,
        })
    }

    fn key(&self, password: &str) -> SigningKey {
        let mut secret = [0; 32];
        pbkdf2::derive(
            PBKDF2_HMAC_SHA512,
            self.iterations,
            self.salt,
            password.as_bytes(),
            &mut secret,
        );
        SigningKey::from_bytes(&secret)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier};

    use super::*;

    /// A password of 32 bytes is a secret key as others take it, and signs as they do.
    #[test]
    fn a_password_of_32_bytes_signs_as_a_common_key() {
        let password = "abcdefghijklmnopqrstuvwxyzABCDEF";
        let common = SigningKey::from_bytes(password.as_bytes().try_into().unwrap());
        assert_eq!(ed25519(password, &[7; 32]), common.sign(&[7; 32]).to_bytes());
        assert_ne!(ed25519("another", &[7; 32]), common.sign(&[7; 32]).to_bytes());
    }

    #[test]
    fn a_server_can_verify_the_answer_of_parsec() {
        let packet = [&b"P\x01"[..], &[9; 18]].concat();
        let derivation = Derivation::read(&packet).unwrap();
        assert_eq!(
            (derivation.iterations.get(), derivation.salt),
            (2048, &[9; 18][..])
        );
        let sent = parsec("secret", &derivation, &[7; 32]).unwrap();
        let (own, signature) = sent.split_at(32);
        let both = [&[7; 32], own].concat();
        let signature = Signature::from_slice(signature).unwrap();
        let public = derivation.key("secret").verifying_key();
        assert!(public.verify(&both, &signature).is_ok());
        assert!(
            derivation
                .key("other")
                .verifying_key()
                .verify(&both, &signature)
                .is_err()
        );
        assert_ne!(
            parsec("secret", &derivation, &[7; 32]).unwrap(),
            sent,
            "the challenge is random"
        );
    }

    #[test]
    fn what_a_server_asks_for_is_bounded() {
        let packet = |kind: u8, steps: u8, salt: usize| [&[kind, steps][..], &vec![1; salt]].concat();
        assert!(Derivation::read(&packet(b'P', 10, 18)).is_ok());
        for wrong in [
            packet(b'P', 11, 18),
            packet(b'Q', 0, 18),
            packet(b'P', 0, 17),
            packet(b'P', 0, 19),
            vec![],
        ] {
            assert!(Derivation::read(&wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(challenge(&[5; 32]), Ok([5; 32]));
        assert_eq!(challenge(&[&[5; 32][..], &[0]].concat()), Ok([5; 32]));
        assert!(challenge(&[5; 33]).is_err());
        assert!(challenge(&[5; 31]).is_err());
    }
}
