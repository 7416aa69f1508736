//! Which devices are plugged in.

use super::{Code, done, quietly, sys, text};

/// A FIDO device that is plugged in, as libfido2 lists it.
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) manufacturer: String,
    pub(crate) product: String,
}

/// The devices that are plugged in, `most` of them at the most.
pub(crate) fn manifest(most: usize) -> Result<Vec<Listed>, Code> {
    quietly();
    let mut list = sys::fido_dev_info_new(most);
    if list.is_null() {
        return Err(sys::INTERNAL);
    }
    let mut found = 0;
    // SAFETY: the list has room for `most`, and `found` is ours.
    let code = unsafe { sys::fido_dev_info_manifest(list, most, &raw mut found) };
    let one = |index| {
        // SAFETY: libfido2 has filled the first `found`, and keeps their strings until the list is freed.
        unsafe {
            let info = sys::fido_dev_info_ptr(list, index);
            Listed {
                path: text(sys::fido_dev_info_path(info)),
                manufacturer: text(sys::fido_dev_info_manufacturer_string(info)),
                product: text(sys::fido_dev_info_product_string(info)),
            }
        }
    };
    let listed = if code == sys::OK { (0..found.min(most)).map(one).collect() } else { Vec::new() };
    // SAFETY: made above with that length, and not used after this.
    unsafe { sys::fido_dev_info_free(&raw mut list, most) };
    done(code).map(|()| listed)
}
