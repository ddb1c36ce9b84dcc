"""Turns nothing: the numbered lines of the semantics, each as one law, which the tables of this folder go through."""

A_EVIDENCE = {
    1: "Who began is a claim with evidence: a guess carries a caveat, and without evidence there is no rule.",
    2: "Only what worked becomes a rule; what failed is evidence against it.",
    3: "A scan is named, and what the scanner reached carries a caveat.",
    4: "A connection that several places saw counts once, and all of them are named.",
    5: "Two protocols on one port are two communications.",
    6: "A source that samples or loses says so, in the caveats and in the coverage.",
}
B_IDENTITY = {
    7: "An address belongs to a pod for a time; two possible owners are ambiguous and never guessed.",
    8: "What a record claims and what the inventory knows are both kept; that they differ is a finding.",
    9: "A workload is the root owner of its pods, in its own namespace.",
    10: "Behind a Service stand pods, and a rule names their port.",
    11: "The API server is an address with a caveat, never every pod.",
    12: "Host network pods and nodes are node addresses; a pod's own node needs no rule.",
    13: "A masqueraded source is not the client, and a pod that reaches itself through its Service is no peer.",
    14: "A private address of nobody is unresolved, and each special network has its own class.",
    15: "An address outside keeps as evidence what it was called.",
}
C_RULES = {
    16: "A direction is isolated by a decision alone, and a half decided one is not exported unasked.",
    17: "No rule has an empty peer.",
    18: "A selector takes the workload's pods alone, today's and tomorrow's; who cannot be told apart is one subject.",
    19: "A namespace is selected by the label that the API server gives it.",
    20: "An address is one address, /32 or /128.",
    21: "A port is one port, however many there are.",
    22: "What a NetworkPolicy cannot express is said and not written.",
    23: "DNS goes where it was seen to go, never to anywhere.",
    24: "Peers with the same ports share a rule, and a workload has one policy.",
    25: "Names are valid, stable and readable, and objects say who manages them and why.",
    26: "Policies are a union with those that the cluster has: what is open anyway, added or redundant is said.",
    27: "Every suggestion carries its evidence and its caveats.",
    28: "A decision stays with what it was made about, and never moves to anything else.",
}
D_NUMBERS = {
    29: "The coverage says how much was seen, and what was likely not.",
    30: "Excess is all that the export allows beyond what was accepted.",
    31: "Accepted and denied, undecided and denied, declined and open: each is counted.",
    32: "The simulator knows NetworkPolicy v1, and names the policy and the rule that decide.",
}
LINES = {
    f"{letter}{number}": law
    for letter, lines in (("A", A_EVIDENCE), ("B", B_IDENTITY), ("C", C_RULES), ("D", D_NUMBERS))
    for number, law in lines.items()
}
