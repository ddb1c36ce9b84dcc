"""What flows of flow logs are, slowly and plainly: over dicts, one connection after the other (docs/formats.md)."""

import math
from collections import defaultdict

from collectors.flows import COUNTERS
from collectors.formats.evidence import Seen
from tests.collectors.formats.hands import SECOND

MINUTE = 60
SILENCE = 15 * 60
FAN_IN = 3
STREAMS = {"TCP", "SCTP"}
CHOSEN = {"TCP", "UDP", "SCTP"}
BACK = {"packets": "reply_packets", "bytes": "reply_bytes", "reply_packets": "packets", "reply_bytes": "bytes"}
SUMMED = ("connections", *BACK)


def reference(sources, minute=MINUTE):
    """Return the flows of sources, which are (name, records of `hands.record`), as a set of dicts' items."""
    rows = [
        {**plain(row), "source": place, "name": name} for place, (name, listed) in enumerate(sources) for row in listed
    ]
    made = [row for connection in connections(rows) for row in flows_of(connection, minute)]
    choose(made)
    return added_up(made)


def plain(row):
    """Return a record with all its fields; protocols without ports have port 0."""
    fields = ("src", "dst", "reporter", "service_ip", "service_port", *SUMMED)
    claims = [f"{end}_{what}" for end in ("src", "dst") for what in ("namespace", "pod")]
    row = {**dict.fromkeys([*fields, *claims]), "sampled": 1.0, **row}
    if row["protocol"] not in CHOSEN:
        row["src_port"] = row["dst_port"] = 0
    return {**row, "bits": Seen(row["evidence"]), "last": max(row["first"], row["last"])}


def end_of(row, side):
    """Return what an end is known by: its address, or the pod that it claims to be, and its port."""
    named = (row[side],) if row[side] else (None, row[f"{side}_namespace"], row[f"{side}_pod"])
    return named, row[f"{side}_port"]


def is_paired(row):
    return None not in (row["src"], row["dst"], row["src_port"])


def connections(rows):
    """Yield lists of records: of the same ends, without a silence of more than 15 minutes.

    Each gets a `side`: 1 where its source is the higher end, and the other direction is known to belong to it.
    """
    by_ends = defaultdict(list)
    for row in rows:
        ends = end_of(row, "src"), end_of(row, "dst")
        row["side"] = int(is_paired(row) and ends[0] > ends[1])
        by_ends[row["protocol"], frozenset(ends) if is_paired(row) else ends].append(row)
    for listed in by_ends.values():
        latest, begun = None, []
        for row in sorted(listed, key=lambda row: row["first"]):
            if latest is not None and row["first"] // SECOND > latest + SILENCE:
                yield begun
                latest, begun = None, []
            begun.append(row)
            latest = max(latest or 0, row["last"] // SECOND)
        yield begun


class Side:
    """What a connection's records show of one of its ends."""

    def __init__(self, connection, side):
        self.own = [row for row in connection if row["side"] == side]
        self.others = [row for row in connection if row["side"] != side]
        self.bits = union(self.own)
        self.first = min((row["first"] for row in self.own), default=None)
        counted = any(row["reply_packets"] for row in self.others)
        self.heard = counted or any(Seen.DENIED not in row["bits"] for row in self.own)

    def most(self, name):
        """Return the most that one reporter counted of what this side sent: in its records, or as replies."""
        views = [by_reporter(self.own, name), by_reporter(self.others, BACK[name])]
        return max((count for view in views for count in view.values()), default=0)


def union(rows):
    bits = Seen(0)
    for row in rows:
        bits |= row["bits"]
    return bits


def by_reporter(rows, name):
    total = defaultdict(int)
    for row in rows:
        total[row["reporter"]] += row[name] or 0
    return total


def judged(connection):
    """Return the initiator's side, orientation and outcome."""
    sides = [Side(connection, side) for side in (0, 1)]
    streams = connection[0]["protocol"] in STREAMS
    initiator, orientation = began(sides, streams)
    begun = max(1, *(count for side in sides for count in by_reporter(side.own, "connections").values()))
    outcome = became(sides[initiator], sides[1 - initiator], streams, orientation != "unknown", begun)
    return initiator, orientation, outcome


def began(sides, streams):
    one, other = sides
    bits = one.bits | other.bits
    for yes, no in ((0, 1), (1, 0)):
        shows = [Seen.OPENED in sides[at].bits or Seen.ANSWERED in sides[1 - at].bits for at in (yes, no)]
        if shows == [True, False]:
            return yes, "handshake"
    for yes, no in ((0, 1), (1, 0)):
        says = [Seen.BEGAN in sides[at].bits or Seen.REPLIED in sides[1 - at].bits for at in (yes, no)]
        if says == [True, False] and Seen.DOUBTED not in bits:
            return yes, "reported"
    times = [math.inf if side.first is None else side.first for side in sides]
    earlier = int(times[1] < times[0])
    from_the_start = all(Seen.SYN in side.bits for side in sides) or (not streams and Seen.DOUBTED not in bits)
    if one.heard and other.heard and math.inf not in times and times[0] != times[1] and from_the_start:
        return earlier, "paired"
    return earlier, "unknown"


def became(asking, answering, streams, known, begun):
    bits = asking.bits | answering.bits
    shown = Seen.SHOWN in bits
    answered_syn = Seen.ANSWERED in answering.bits or (known and Seen.SYN in answering.bits) or Seen.HALF_OPEN in bits
    silent = not answering.heard and (known or not streams)
    if Seen.AUDITED in bits:
        return "audited"
    if Seen.WORKED in bits or (completed(asking, answering, known, begun, shown) if streams else answering.heard):
        return "established"
    if Seen.DENIED in bits:
        return "denied"
    if Seen.REFUSED in bits or (known and Seen.RESET in answering.bits and not answered_syn):
        return "refused"
    if answered_syn:
        return "half_open"
    if Seen.UNANSWERED in bits or (silent and shown):
        return "unanswered"
    if Seen.ALLOWED in bits and not shown:
        return "allowed"
    return "unanswered" if silent and Seen.CARRIED not in asking.bits else "unknown"


def completed(asking, answering, known, begun, shown):
    """Return whether a TCP connection worked: by flags of both sides, or where none are shown by packets."""
    if Seen.CARRIED in asking.bits and (answering.heard if known else Seen.CARRIED in answering.bits):
        return True
    asked, answered, volume = asking.most("packets"), answering.most("packets"), answering.most("bytes")
    enough = asked >= 3 * begun and answered >= 2 * begun and (volume == 0 or volume > 64 * answered)
    return enough and known and not shown


def flows_of(connection, minute):
    """Return the rows of a connection, one for each minute, with its initiator as `src` where it can be turned."""
    initiator, orientation, outcome = judged(connection)
    paired = is_paired(connection[0])
    if not paired and initiator:
        initiator, orientation = 0, "unknown"
    whole = {
        **named(connection, initiator),
        **dict(zip(("service_ip", "service_port"), last_of(connection, "service_ip", "service_port"), strict=True)),
        "protocol": connection[0]["protocol"], "orientation": orientation, "outcome": outcome,
        "loose": orientation == "unknown" and connection[0]["src_port"] is not None,
    }  # fmt: skip
    by_minute = defaultdict(list)
    for row in connection:
        by_minute[row["first"] // SECOND // minute].append(row)
    told = any(row["connections"] is not None for row in connection)
    listed = []
    for at, rows in sorted(by_minute.items()):
        counts = {name: counted(rows, name, initiator) for name in SUMMED}
        if paired:
            counts["connections"] = (counts["connections"] or 0) if told else int(not listed)
        times = {"first": min(row["first"] for row in rows), "last": max(row["last"] for row in rows)}
        source = min((row["source"], row["name"]) for row in rows)[1]
        share = min(row["sampled"] for row in rows)
        listed.append({**whole, **counts, **times, "source": source, "sampled": share, "minute": at})
    return listed


def named(connection, initiator):
    """Return address, port and claimed pod of both ends."""
    made = {}
    for end, other in (("src", "dst"), ("dst", "src")):
        ways = [(row, end if row["side"] == initiator else other) for row in connection]
        claims = [{what: row[f"{side}_{what}"] for what in ("pod", "namespace")} for row, side in ways]
        row, side = ways[0]
        made[end], made[f"{end}_port"] = row[side], row[f"{side}_port"]
        made[f"{end}_pod"], made[f"{end}_namespace"] = last_of(claims, "pod", "namespace")
    return made


def last_of(rows, *names):
    """Return of several pairs the last one in their order, something after nothing."""
    return max(
        (tuple(row[name] for name in names) for row in rows), key=lambda pair: [(x is not None, x) for x in pair]
    )


def counted(rows, name, initiator):
    """Return the most that one reporter counted in the records of one direction; None where none says."""
    views = []
    for way, column in ((initiator, name), (1 - initiator, BACK.get(name, name))):
        counts = [row for row in rows if row["side"] == way]
        if any(row[column] is not None for row in counts):
            views.append(max(by_reporter(counts, column).values()))
    return max(views, default=None)


def choose(rows):
    """Turn rows whose initiator is unknown so that the port which more peers used is the destination's."""
    loose = [row for row in rows if row["loose"] and row["protocol"] in CHOSEN]
    peers = defaultdict(set)
    for row in loose:
        ends = [(row["protocol"], end_of(row, side)) for side in ("src", "dst")]
        peers[ends[0]].add(ends[1])
        peers[ends[1]].add(ends[0])
    for row in loose:
        counts = {side: len(peers[row["protocol"], end_of(row, side)]) for side in ("src", "dst")}
        order = [
            (-counts[side] if counts[side] >= FAN_IN else 0, row[f"{side}_port"], row[side] or "")
            for side in ("src", "dst")
        ]
        if order[0] < order[1]:
            turn(row)


def turn(row):
    for what in ("", "_port", "_namespace", "_pod"):
        row[f"src{what}"], row[f"dst{what}"] = row[f"dst{what}"], row[f"src{what}"]
    row.update({name: row[other] for name, other in BACK.items()})


def added_up(rows):
    """Return rows as FLOWS has them, those that only counters and times tell apart as one."""
    total = {}
    for row in rows:
        left_out = {"src_port", "loose", "first", "last", *COUNTERS}
        key = tuple(sorted((name, value) for name, value in row.items() if name not in left_out))
        so_far = total.setdefault(key, {"first": math.inf, "last": 0, **dict.fromkeys(COUNTERS)})
        so_far["first"], so_far["last"] = min(so_far["first"], row["first"]), max(so_far["last"], row["last"])
        for name in COUNTERS:
            if row[name] is not None:
                so_far[name] = (so_far[name] or 0) + row[name]
    return sorted([{**dict(key), **measures} for key, measures in total.items()], key=repr)
