//! XForm XML: read into a form, and written from one (ODK XForms specification).

mod body;
mod instances;
mod load;
mod record;
mod serialise;
mod texts;

pub(crate) use record::seed_of;

pub(crate) const XFORMS: &str = "http://www.w3.org/2002/xforms";
pub(crate) const XHTML: &str = "http://www.w3.org/1999/xhtml";
pub(crate) const JAVAROSA: &str = "http://openrosa.org/javarosa";
pub(crate) const OPENROSA: &str = "http://openrosa.org/xforms";
pub(crate) const ODK: &str = "http://www.opendatakit.org/xforms";
/// What a spreadsheet says and XForms have no word for.
pub(crate) const LAKOU: &str = "https://lakou.example/xforms";
