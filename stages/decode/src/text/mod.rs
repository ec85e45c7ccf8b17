//! What the decoders of line-based text share: lines as text, times without a year or zone, and the loop around them.
//!
//! | module | holds |
//! |---|---|
//! | [`line`] | bytes → text, with the flags that the bytes deserve |
//! | [`stamp`] | the ways in which logs write a time |
//! | [`stamper`] | a written time → an instant, by the source's clock |
//! | [`driver`] | the loop of every line format, and the joint [`driver::Grammar`] that a format fills in |
//! | [`wants`] | what detectors want, cached by tag |
//! | [`find`] | splitting at short marks |
//! | [`escape`] | percent, backslash and hexadecimal notation |

pub(crate) mod driver;
pub(crate) mod escape;
pub(crate) mod find;
pub(crate) mod line;
pub(crate) mod stamp;
pub(crate) mod stamper;
pub(crate) mod wants;
