"""Turns names into places in the arrays that the kernel works on; `layout.pxd` tells the compiler the same.

Both list the same names in the same order (a test compares them); `kernel` and `headers` tell what the words hold.
"""

# fmt: off
# the state: words of who reads records, then of who counts packets
(
    POSITION, PACKETS, TIME, START, END, UNTIMED, INTERFACES, SEVERAL, SEEN_MASK, HELD,
    TURN, BUCKET_NS, BUCKET, BUCKET_START, BUCKET_END, TICK_START, TICK_END, CONVERSATIONS, CAPACITY, INDEX_MASK,
    PIECES, FREE_PIECE, PIECE_CAPACITY, ROWS, ROW_CAPACITY, MARKS, MARK_CAPACITY, SOURCE, SWEPT, SINCE_SWEEP, BEFORE,
    WANT_MARKS, KEPT,
) = range(33)
COUNTS = 48  # packets by ledger class
SAMPLES = 64  # class x 3 x (packet number, link type, wire length)
STATE_WORDS = 176

# a conversation
(
    LOW_A, LOW_B, PORTS, FLAGS, LAST, HEARD, BYTES_A, BYTES_B,
    HIGH_A, HIGH_B, NUMBERS, IN_BUCKET, FIRST, LATEST, WAITING,
) = range(15)
# fmt: on
CONVERSATION_WORDS = 16
PIECE_WORDS = 10
ROW_WORDS = 14
MARK_WORDS = 8
RING_WORDS = 12
BATCH = 32  # packets that are read before they are counted, so that memory knows what will be wanted

# scratch, what is known of one frame: see `headers`
OUTER, VXLAN_A, VXLAN_B = range(16, 19)
TCP_SAYS = 20  # what TCP flags say, by the flags and 64 where there is payload
SCRATCH_WORDS = 148

# what a packet says: bits of scratch word 7 and of a conversation's flags
SYN, SYN_ACK, ACK, PAYLOAD, FIN, RST, REQUEST, REPLY = 1, 2, 4, 8, 16, 32, 64, 128
REFUSAL = 1 << 16  # not a packet: one like it was refused

# what the kernel wants of its caller: more bytes, larger tables, rows to drain, a sweep, a record for the slow lane,
# marks to read, a ring to count
MORE, GROW, DRAIN, SWEEP, ODD, MARKED, FULL = range(7)
