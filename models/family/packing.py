"""Who sits when on a call day: as many families as there are kind half-hours for, found by augmenting paths."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Family = TypeVar("Family", bound=Hashable)
Time = TypeVar("Time", bound=Hashable)


def pack(wishes: Mapping[Family, Sequence[Time]], seats: Mapping[Time, int]) -> dict[Family, Time]:
    """A time for as many families as possible, each among its own wishes and no more at a time than it has seats.

    This is a greatest matching (Kuhn): a family that finds its times full asks one who sits there to sit elsewhere,
    who may ask another, and so on; whoever sits keeps a seat. Families with few wishes come first, among them in the
    order in which they were given, and each takes the first of its wishes that is free. Who is not in the answer could
    not be seated however the others sat. A graph library would bring the same few lines with a hundred others.
    """
    sitting: dict[Time, list[Family]] = {time: [] for time in seats}

    def seat(family: Family, asked: set[Time]) -> bool:
        known = [time for time in wishes[family] if time in seats and time not in asked]
        for time in known:
            if len(sitting[time]) < seats[time]:
                sitting[time].append(family)
                return True
        for time in known:
            if time in asked:
                continue
            asked.add(time)
            for other in sitting[time]:
                if seat(other, asked):
                    sitting[time].remove(other)
                    sitting[time].append(family)
                    return True
        return False

    for family in sorted(wishes, key=lambda one: len(wishes[one])):
        seat(family, set())
    return {family: time for time, families in sitting.items() for family in families}
