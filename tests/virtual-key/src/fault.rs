//! What can go wrong between a key and a program, and the words for it.

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is heard of the key any more.
    Silent,
    /// Another program talks with the key, too: its frames come in between.
    OthersFrames,
    /// Answers come on another program's channel, never on ours.
    WrongChannel,
    /// Frames of other channels without end, faster than anybody can want.
    Flood,
    /// The frames of an answer are numbered wrongly.
    WrongSequence,
    /// Only the first frame of an answer comes.
    Truncated,
    /// An answer says that it is longer than any may be.
    HugeLength,
    /// An answer is whole by its frames and not by its CBOR.
    ShortCbor,
    /// The authenticator data in an answer is shorter than any can be; all else is whole.
    ShortAuthenticatorData,
    /// A signature is rubbish; all else is whole. So answers what says that it holds a credential and does not.
    RubbishSignature,
    /// Each byte of an answer is random.
    Noise,
    /// "Still working on it", for ever.
    KeepaliveForEver,
    /// Another program has the key for itself: "busy".
    Busy,
    /// The key is pulled out.
    Unplugged,
}

/// From when on it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// From the first frame on.
    FirstFrame,
    /// As soon as a channel is open.
    ChannelOpen,
    /// With commands to make a credential or to sign; what the key says about itself is right.
    Command,
    /// When the key blinks or has been touched: silent questions are still answered.
    Blinking,
}

/// What goes wrong, and from when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub trouble: Trouble,
    /// From when on.
    pub from: Moment,
}

/// Each trouble and moment with the word for it.
const TROUBLES: [(&str, Trouble); 14] = [
    ("silent", Trouble::Silent),
    ("others-frames", Trouble::OthersFrames),
    ("wrong-channel", Trouble::WrongChannel),
    ("flood", Trouble::Flood),
    ("wrong-sequence", Trouble::WrongSequence),
    ("truncated", Trouble::Truncated),
    ("huge-length", Trouble::HugeLength),
    ("short-cbor", Trouble::ShortCbor),
    ("short-authenticator-data", Trouble::ShortAuthenticatorData),
    ("rubbish-signature", Trouble::RubbishSignature),
    ("noise", Trouble::Noise),
    ("keepalive-for-ever", Trouble::KeepaliveForEver),
    ("busy", Trouble::Busy),
    ("unplugged", Trouble::Unplugged),
];
const MOMENTS: [(&str, Moment); 4] = [
    ("first-frame", Moment::FirstFrame),
    ("channel-open", Moment::ChannelOpen),
    ("command", Moment::Command),
    ("blinking", Moment::Blinking),
];

impl Trouble {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TROUBLES.into_iter().map(|(_, trouble)| trouble)
    }
}

impl Moment {
    /// All of them, in the order of a conversation.
    pub fn all() -> impl Iterator<Item = Self> {
        MOMENTS.into_iter().map(|(_, moment)| moment)
    }
}

/// `TROUBLE from MOMENT`, both as words.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let trouble = TROUBLES.iter().find(|(_, one)| *one == self.trouble).map_or("", |(word, _)| word);
        let moment = MOMENTS.iter().find(|(_, one)| *one == self.from).map_or("", |(word, _)| word);
        write!(f, "{trouble} from {moment}")
    }
}

impl std::str::FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (trouble, from) = match words[..] {
            [trouble] => (trouble, "first-frame"),
            [trouble, "from", from] => (trouble, from),
            _ => return Err("say: fault TROUBLE [from MOMENT]".into()),
        };
        let listed = |words: Vec<&str>| words.join(", ");
        let trouble = TROUBLES.iter().find(|(word, _)| *word == trouble).map(|(_, one)| *one);
        let from = MOMENTS.iter().find(|(word, _)| *word == from).map(|(_, one)| *one);
        let troubles = || listed(TROUBLES.map(|(word, _)| word).to_vec());
        let moments = || listed(MOMENTS.map(|(word, _)| word).to_vec());
        Ok(Self {
            trouble: trouble.ok_or_else(|| format!("the troubles are {}", troubles()))?,
            from: from.ok_or_else(|| format!("the moments are {}", moments()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_understood_by_the_words_it_is_shown_with() {
        for trouble in Trouble::all() {
            for from in Moment::all() {
                let fault = Fault { trouble, from };
                assert_eq!(fault.to_string().parse(), Ok(fault));
            }
        }
        assert_eq!("silent".parse(), Ok(Fault { trouble: Trouble::Silent, from: Moment::FirstFrame }));
        assert!("loud".parse::<Fault>().unwrap_err().contains("silent, others-frames"));
        assert!("silent from tomorrow".parse::<Fault>().unwrap_err().contains("channel-open"));
    }
}
