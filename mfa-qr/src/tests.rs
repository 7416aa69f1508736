//! QR codes out of characters: what a camera would read of them.

use super::*;

const LINK: &str = "otpauth://totp/ACME:alice@web1?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const LONGER: &str = "otpauth://totp/ACME:alice@web1?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=ACME";

/// Paints text on a canvas as a terminal would, eight by sixteen pixels a character, and returns its luminance.
struct Canvas {
    cells: Vec<Vec<(char, u8, u8)>>,
}

impl Canvas {
    fn of(text: &str, foreground: u8, background: u8) -> Self {
        let cells = text.lines().map(|line| cells_of(line, foreground, background)).collect();
        Self { cells }
    }

    fn pixel(&self, x: usize, y: usize) -> u8 {
        let Some((c, foreground, background)) = self.cells.get(y / 16).and_then(|row| row.get(x / 8)) else {
            return 255;
        };
        let upper = y % 16 < 8;
        // How much of the spot is ink: a hash mark is seen from a distance as the grey that its strokes make.
        let percent = match c {
            '█' => 100,
            '▀' => {
                if upper {
                    100
                } else {
                    0
                }
            }
            '▄' => {
                if upper {
                    0
                } else {
                    100
                }
            }
            '#' => 45,
            ' ' => 0,
            other => panic!("{other:?} is not drawn with"),
        };
        let mixed = (u32::from(*foreground) * percent + u32::from(*background) * (100 - percent)) / 100;
        u8::try_from(mixed).unwrap()
    }

    fn decode(&self) -> String {
        let width = self.cells.iter().map(Vec::len).max().unwrap() * 8;
        let height = self.cells.len() * 16;
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| self.pixel(x, y));
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1, "exactly one code is seen");
        grids[0].decode().unwrap().1
    }
}

fn cells_of(line: &str, foreground: u8, background: u8) -> Vec<(char, u8, u8)> {
    let (mut pen, mut paper) = (foreground, background);
    let mut cells = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let escapes = [(BLACK_ON_WHITE, 0, 255), (BLACK, 0, 0), (PLAIN, foreground, background)];
        if let Some((escape, fore, back)) = escapes.into_iter().find(|(escape, ..)| rest.starts_with(escape)) {
            (pen, paper) = (fore, back);
            rest = &rest[escape.len()..];
        } else {
            cells.push((c, pen, paper));
            rest = &rest[c.len_utf8()..];
        }
    }
    cells
}

const DARK_TERMINAL: (u8, u8) = (200, 20);
const LIGHT_TERMINAL: (u8, u8) = (30, 240);

#[test]
fn a_painted_code_reads_on_dark_and_on_light_terminals() {
    let qr = Qr::of(LINK).unwrap();
    for (foreground, background) in [DARK_TERMINAL, LIGHT_TERMINAL] {
        for drawing in [qr.in_half_blocks(Ink::Painted, None), qr.in_ascii(Ink::Painted)] {
            assert_eq!(Canvas::of(&drawing, foreground, background).decode(), LINK);
        }
    }
}

#[test]
fn without_colours_a_code_reads_where_its_ink_is_meant_for() {
    let qr = Qr::of(LINK).unwrap();
    for (ink, (foreground, background)) in [(Ink::Light, DARK_TERMINAL), (Ink::Dark, LIGHT_TERMINAL)] {
        for drawing in [qr.in_half_blocks(ink, None), qr.in_ascii(ink)] {
            assert!(!drawing.contains('\x1b'));
            assert_eq!(Canvas::of(&drawing, foreground, background).decode(), LINK);
        }
    }
}

#[test]
fn the_usual_codes_fit_a_window_of_eighty_by_twenty_four_and_still_read() {
    for (link, columns) in [(LINK, 41), (LONGER, 41)] {
        let drawing = Qr::of(link).unwrap().in_half_blocks(Ink::Painted, Some(21));
        assert_eq!(drawing.lines().count(), 21);
        assert!(drawing.lines().all(|line| cells_of(line, 0, 0).len() == columns));
        assert_eq!(Canvas::of(&drawing, DARK_TERMINAL.0, DARK_TERMINAL.1).decode(), link);
    }
}

#[test]
fn plain_codes_stay_within_eighty_columns_and_still_read() {
    for link in [LINK, LONGER] {
        let drawing = Qr::of(link).unwrap().in_ascii(Ink::Light);
        assert!(drawing.lines().all(|line| line.is_ascii() && line.len() <= 80));
        assert_eq!(Canvas::of(&drawing, DARK_TERMINAL.0, DARK_TERMINAL.1).decode(), link);
    }
}

#[test]
fn where_there_is_room_all_the_white_is_there() {
    let drawing = Qr::of(LONGER).unwrap().in_half_blocks(Ink::Dark, Some(60));
    assert!(drawing.lines().take(2).all(|line| line.chars().all(|c| c == ' ')));
    assert_eq!(drawing.lines().count(), 23);
}

#[test]
fn a_link_that_no_code_can_hold_is_an_error_with_a_way_out() {
    let error = Qr::of(&"x".repeat(3000)).err().unwrap();
    assert!(error.to_string().contains("Type the secret"), "{error}");
}

#[test]
fn the_inverse_of_the_inverse_is_the_same() {
    assert_eq!(Ink::Light.inverse().inverse(), Ink::Light);
    assert_ne!(Ink::Dark.inverse(), Ink::Dark);
}
