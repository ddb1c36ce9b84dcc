from collectors.formats.scan_layout cimport (
    DONE, END, FIELDS, FIELD_WORDS, HEADER, LEAST, LINE, MOST, NEXT_FIELD, POSITION, QUOTED, ROW, ROWS, SEPARATOR,
    SLOW,
)
from collectors.formats.scan_text cimport forget_row, note, put
from collectors.formats.scan_words cimport line_end, lowest, marks, past_blanks
