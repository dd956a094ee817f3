"""Who is at home, as the virtual router knows it, as Home Assistant shows it, and whether
the one follows from the other.
"""
import calendar, json, time

AWAY, POLL, SLACK = 10, 5, 8  # seconds: MIHOME2MQTT_AWAY_AFTER, half of it, and what a busy machine may take


def tracker(mac):
    return f"miwifi_{mac.replace(':', '').lower()}_device_tracker_2"


def moves(log):
    """What the router's clients did, by tracker: (time, there), to the second below."""
    out = {}
    for line in log.read_text().splitlines():
        if "virtual router moved" in line:
            m = json.loads(line)
            at = calendar.timegm(time.strptime(m["time"], "%Y-%m-%dT%H:%M:%SZ"))
            out.setdefault(tracker(m["mac"]), []).append((at, m["there"]))
    return out


def shown(seen):
    """What Home Assistant showed: (time, there), changes only."""
    out, last = [], None
    for at, state in seen:
        if state in ("home", "not_home") and state != last:
            last = state
            out.append((at, state == "home"))
    return out


def missed(did, saw, end):
    """Moves that lasted long enough to be shown and were not."""
    bad = []
    for (at, there), (after, _) in zip(did, did[1:] + [(end, None)]):
        first, last = (at, at + 1 + POLL + SLACK) if there else (at + AWAY - 1, at + 1 + AWAY + POLL + SLACK)
        was = [s for t, s in saw if t < first]
        if after > last and was[-1:] != [there] and not any(s == there and first <= t <= last for t, s in saw):
            late = [t - at for t, s in saw if t > last and s == there]
            bad.append((at, there, f"shown after {late[0]:.1f} s" if late else "never shown"))
    return bad


def invented(did, saw):
    """What was shown without a reason: away without having been missed long enough, or there though away."""
    bad = []
    for at, there in saw[1:]:
        before = [m for m in did if m[0] <= at]
        if not before:
            continue
        last, still = before[-1]
        left = [t for t, here in before if not here]
        if still != there and at - last > 1 + POLL + SLACK or not there and left and at - left[-1] < AWAY - 1:
            bad.append((at, there))
    return bad


def judge(log, home, began, end):
    """(moves, missed, invented) of everybody between two times. home.seen gives an entity's
    states, home.first the one at the beginning."""
    counts, late, false = 0, [], []
    for uid, all_moves in moves(log).items():
        did, saw = [m for m in all_moves if began <= m[0] <= end], shown([(0, home.first.get(uid))] + home.seen(uid))
        counts += len(did)
        late += [(uid, *m) for m in missed(did, saw, end)]
        false += [(uid, *m) for m in invented(all_moves, saw) if began <= m[0] <= end]
    return counts, late, false
