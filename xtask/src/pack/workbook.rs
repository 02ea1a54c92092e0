//! Sheets to XLSX: the same sheets give the same bytes, so a form's hash is a form's content.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use super::form::FormSheets;

/// The workbook's bytes. Every cell is text: a code such as `01` stays what it is.
pub(crate) fn render(form: &FormSheets) -> Result<Vec<u8>, XlsxError> {
    let bold = Format::new().set_bold();
    let mut workbook = Workbook::new();
    // The writer would put today here.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    for (name, sheet) in form.by_name() {
        let worksheet = workbook.add_worksheet().set_name(name)?;
        for (column, title) in (0_u16..).zip(&sheet.header) {
            worksheet.write_string_with_format(0, column, title, &bold)?;
            worksheet.set_column_width(column, 24)?;
        }
        for (line, row) in (1_u32..).zip(&sheet.rows) {
            for (column, cell) in (0_u16..).zip(&row.cells).filter(|(_, cell)| !cell.is_empty()) {
                worksheet.write_string(line, column, cell)?;
            }
        }
        worksheet.set_freeze_panes(1, 0)?;
    }
    workbook.save_to_buffer()
}
