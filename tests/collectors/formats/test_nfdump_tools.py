"""What nfpcapd and nfdump make of the recorded packets is what our own capture reader makes of them."""

import io
import os
import shutil
import subprocess

import pytest

from collectors import read_flows
from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats import nfdump
from collectors.formats.fold import Fold
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.samples import FOLDER

CAPTURE = FOLDER.parent / "shop.pcap"
ENDS = ["src", "dst", "dst_port", "protocol", "outcome"]
COUNTED = ["connections", "packets", "bytes", "reply_packets", "reply_bytes"]

needs_tools = pytest.mark.skipif(
    not (shutil.which("nfpcapd") and shutil.which("nfdump")), reason="nfdump and nfpcapd are not here: install nfdump"
)


def output(folder):
    """Return the records as CSV with flags, in the newest dialect that this nfdump has."""
    utc = {**os.environ, "TZ": "UTC"}
    for dialect in ("csv-fast", "csv"):
        command = ["nfdump", "-R", str(folder), "-o", dialect]
        made = subprocess.run(command, env=utc, capture_output=True, check=False).stdout
        if nfdump.sniff(made):
            return made
    raise AssertionError("this nfdump writes no CSV")


def table(flows):
    """Return the sums of each communication; nfdump does not connect ICMP errors with what they quote."""
    frame = flows.astype(dict.fromkeys(ENDS, "object")).astype(dict.fromkeys(COUNTED, "Int64"))
    udp = (frame["protocol"] == "UDP") & (frame["outcome"] == "refused")
    frame.loc[udp, "outcome"] = "unanswered"
    return frame.fillna(dict.fromkeys(COUNTED, 0)).groupby(ENDS)[COUNTED].sum().to_dict("index")


@needs_tools
def test_the_recorded_packets_read_by_nfdump_are_the_same_communications(tmp_path):
    subprocess.run(["nfpcapd", "-r", str(CAPTURE), "-w", str(tmp_path)], capture_output=True, check=True)
    fold, ledger = Fold(), LedgerWriter()
    stream = io.BytesIO(output(tmp_path))
    reading = read_log(nfdump, stream, "log", fold, ledger, NameReader(), ClaimTable())
    assert table(fold.finish()) == table(read_flows([CAPTURE]).flows)
    assert reading.records > 2000
    assert set(ledger.ledger().packet_counts()) <= {"icmp_error", "link_control", "multicast", "other_record"}
