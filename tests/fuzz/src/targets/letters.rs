//! Templates of letters, and the values that come into them from outside; addresses.

use crate::{Feed, Target, sentence};
use mfa_core::letter::{Address, COMMON, Template, Text, Topic, Values};

/// A topic, values, an address, then the template.
pub const TARGET: Target = Target { name: "letters", about: "templates of letters", longest: 8 * 1024, try_it };

fn try_it(data: &[u8]) {
    let mut feed = Feed::new(data);
    let topic = Topic::ALL[usize::from(feed.choice()) % Topic::ALL.len()];
    let (value, given, address) = (feed.text(), feed.choice(), feed.text());
    addressed(&address, &value);
    let text = String::from_utf8_lossy(feed.rest()).into_owned();
    let fields = COMMON.iter().chain(topic.fields());
    let chosen = fields.enumerate().filter(|(place, _)| given & 1 << (place % 8) != 0);
    let values: Values = chosen.map(|(_, name)| ((*name).to_owned(), value.clone())).collect();
    match Text::parse(&text, topic) {
        Ok(template) => {
            let letter = template.write(&values);
            // No value makes a line, a header or a second letter.
            assert!(!letter.subject.contains(['\r', '\n']) && !letter.subject.contains(char::is_control));
            let lines = text.lines().count().saturating_sub(1);
            assert!(letter.body.matches('\n').count() <= lines);
            let places = text.matches('{').count();
            assert!(letter.body.len() <= text.len() + lines + places * 300 * 4, "it grew");
            assert_eq!(Text::parse(&text, topic).as_ref(), Ok(&template));
            for built_in in Topic::ALL {
                let letter = Text::built_in(built_in).write(&values);
                assert!(!letter.subject.is_empty() && !letter.subject.contains(char::is_control));
            }
        }
        Err(error) => {
            sentence::is_one(&error.why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>());
            assert!((1..=text.lines().count().max(1)).contains(&error.line) && error.column >= 1);
        }
    }
}

/// One address, and nothing else.
fn addressed(text: &str, user: &str) {
    match text.parse::<Address>() {
        Ok(address) => {
            let text = address.to_string();
            assert_eq!(text.parse(), Ok(address.clone()));
            assert_eq!(text.matches('@').count(), 1);
            assert!(
                text.len() <= 254
                    && text.bytes().all(|byte| byte.is_ascii_graphic())
                    && !text.contains([',', '<', '>', '"'])
            );
            sentence::is_one(&address.masked());
        }
        Err(error) => sentence::is_one(&error.to_string()),
    }
    if let Ok(template) = text.parse::<Template>()
        && let Some(address) = template.address(user)
    {
        assert_eq!(
            address.as_str().rsplit('@').next(),
            text.rsplit('@').next().map(|domain| domain.replace("{user}", user)).as_deref(),
            "the domain is the site's"
        );
    }
}
