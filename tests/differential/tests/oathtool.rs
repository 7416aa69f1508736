//! Codes by app, compared with oathtool (Debian: oathtool): every algorithm, length and period that apps can do.

use data_encoding::HEXLOWER;
use mfa_core::factor::totp::{Algorithm, Parameters, Step, matching_step};
use mfa_core::{Secret, Time};
use std::process::Command;

/// The codes of this moment and of the next steps, as oathtool has them.
fn codes(secret: &[u8], parameters: Parameters, at: i64, steps: usize) -> Vec<String> {
    let Parameters { algorithm, digits, period } = parameters;
    let mut command = Command::new("oathtool");
    command.arg(format!("--totp={}", algorithm.as_str().to_lowercase())).arg(format!("--digits={digits}"));
    command.arg(format!("--time-step-size={period}s")).arg(format!("--window={}", steps - 1));
    command.arg(format!("--now=@{at}")).arg(HEXLOWER.encode(secret)).env("TZ", "UTC");
    let output = command.output().expect("oathtool runs: apt-get install oathtool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("digits").lines().map(str::to_owned).collect()
}

fn every_parameters() -> Vec<Parameters> {
    let all = Algorithm::ALL.into_iter().flat_map(|algorithm| [6, 8].map(|digits| (algorithm, digits)));
    all.flat_map(|(algorithm, digits)| [30, 60].map(|period| Parameters::new(algorithm, digits, period)))
        .map(|parameters| parameters.expect("what apps can do"))
        .collect()
}

#[test]
fn codes_are_those_of_oathtool_and_taken_one_step_early_or_late() {
    let secrets = [10, 16, 20, 32, 64, 65]
        .map(|length| (0..length).map(|byte: u8| byte.wrapping_mul(37).wrapping_add(11)).collect::<Vec<u8>>());
    // The first minute of 1970, RFC 6238's own, one after 2038, one after 2106.
    for at in [59, 1_111_111_109, 1_795_428_000, 2_200_000_017, 20_000_000_000] {
        for parameters in every_parameters() {
            for secret in &secrets {
                let codes = codes(secret, parameters, at, 5);
                assert!(codes.iter().all(|code| code.len() == usize::from(parameters.digits)), "{codes:?}");
                let (secret, first) = (Secret::new(secret.clone()), at / i64::from(parameters.period));
                for (later, code) in (0..).zip(&codes) {
                    let told = format!("{parameters:?} at {at}, {later} later: {code}");
                    let step = Step(first + later);
                    for distance in -3..=3 {
                        let now = Time((step.0 + distance) * i64::from(parameters.period) + 7);
                        let found = matching_step(&secret, parameters, code, now);
                        if now.0 < 0 {
                            assert_eq!(found, None, "{told}: before 1970");
                        } else if (-1..=1).contains(&distance) {
                            // The newest step counts that has this code, should two have it.
                            assert!(found.is_some_and(|found| found >= step), "{told}, {distance}");
                        } else {
                            assert_ne!(found, Some(step), "{told}, {distance}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_code_of_other_parameters_or_another_secret_is_none() {
    let secret: Vec<u8> = (0..20).collect();
    let at = 1_795_428_000;
    let mut strange = 0;
    for theirs in every_parameters() {
        let code = codes(&secret, theirs, at, 1).remove(0);
        for ours in every_parameters().into_iter().filter(|ours| *ours != theirs) {
            strange += u32::from(matching_step(&Secret::new(secret.clone()), ours, &code, Time(at)).is_some());
        }
        let other = Secret::new((1..21).collect());
        strange += u32::from(matching_step(&other, theirs, &code, Time(at)).is_some());
    }
    // By chance one in some hundred thousand would do.
    assert_eq!(strange, 0);
}
