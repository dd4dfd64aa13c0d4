//! Texts that both engines are asked about when a file is opened: what has the kinds of characters, runs and neighbours
//! at which they could part.

pub(crate) const PROBES: [&str; 9] = [
    "The river ran down to the sea, 1234 times; don't say it's 56.78 %, I'LL we've.",
    "  leading\n\n\ttabs and spaces   \r\n\r\nwindows \u{a0}\u{3000}\u{2028}\u{85}\u{200b}\u{feff}end  ",
    "naïve café ﬁ ① ½²Ⅷ ٣١ 日本語カタカナひらがな한국어 ไทย العربية हिन्दी e\u{301}\u{323} A\u{30a}",
    "🤖👩\u{200d}👩\u{200d}👧🇩🇪👍🏽\u{fe0f} ǅ ʰ İ ß Σ ſ \u{345} \u{10348}\u{20000}\u{e000}",
    "def f(x):\n    return x ** 2  # ok\n\n\nclass A:\n\tpass // /** \n\n/ \\ \n",
    "....!!!???---___***((([{<>}])))\"'''``~~ 'S'T ’s ''s",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 0000000000000000000000000000000000",
    "▁meta▁ ▁▁ space CamelCaseHTTPServer snake_case 2024-01-01T00:00:00Z 1,000,000 0x1F",
    "<s>a</s><unk><|endoftext|> <0x0A> \0\u{7}\u{1b}[0m\u{ad}\u{2060}",
];
