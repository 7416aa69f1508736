//! The text around a signature: two marker lines and Base64 between them. Read strictly, so that one signature has one
//! text (line ends and blank lines after it aside); OpenSSH itself is more lenient.

use super::SignatureError;
use data_encoding::BASE64;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The longest text that is read, in bytes. One of ssh-keygen has 300 to 600, of the longest RSA key 6,000.
const LONGEST: usize = 16 * 1024;

/// The bytes of the signature.
pub(super) fn decode(armored: &[u8]) -> Result<Vec<u8>, SignatureError> {
    if armored.len() > LONGEST {
        return Err(SignatureError::TooLong);
    }
    let text = std::str::from_utf8(armored).map_err(|_| SignatureError::NotArmored)?;
    let mut lines = text.trim_end_matches(['\r', '\n']).split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    if lines.next() != Some(BEGIN) || lines.next_back() != Some(END) {
        return Err(SignatureError::NotArmored);
    }
    let base64: String = lines.collect();
    BASE64.decode(base64.as_bytes()).map_err(|_| SignatureError::Malformed)
}
