from collectors.capture.headers cimport read_headers
from collectors.capture.layout cimport (
    BATCH, BEFORE, BUCKET, BUCKET_END, BUCKET_NS, BUCKET_START, BYTES_A, CAPACITY, CONVERSATION_WORDS, CONVERSATIONS,
    DRAIN, FIRST, FLAGS, FULL, GROW, HEARD, HELD, HIGH_A, HIGH_B, IN_BUCKET, INDEX_MASK, KEPT, LAST, LOW_A, LOW_B,
    MARK_CAPACITY, MARK_WORDS, MARKED, MARKS, MORE, PAYLOAD, PIECE_CAPACITY, PIECES, PORTS, REFUSAL, RING_WORDS,
    ROW_CAPACITY, ROWS, SINCE_SWEEP, SWEEP, SWEPT, SYN, SYN_ACK, TICK_END, TICK_START, TURN, WANT_MARKS,
)
from collectors.capture.lifecycle cimport close_bucket, fold, is_over, open_or_reopen, restart
from collectors.capture.machine cimport big16, low32, prefetch
from collectors.capture.records cimport digest, read_records
