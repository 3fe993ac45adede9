//! Colours.

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// SGDM, as in the paper.
    pub const BLACK: Self = Self(0, 0, 0);
    /// Adam, as in the paper.
    pub const RED: Self = Self(0xcc, 0x33, 0x11);

    /// Black, red and the rest of Paul Tol's *vibrant* scheme, told apart with any of the common
    /// colour vision deficiencies (his technical note SRON/EPS/TN/09-002, issue 3.2).
    pub const CYCLE: [Self; 7] = [
        Self::BLACK,
        Self::RED,
        Self(0x00, 0x77, 0xbb),
        Self(0x00, 0x99, 0x88),
        Self(0xee, 0x77, 0x33),
        Self(0xee, 0x33, 0x77),
        Self(0x33, 0xbb, 0xee),
    ];
}
