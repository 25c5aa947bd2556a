"""Removes the stored values from Redis and Valkey commands.

Libraries join the arguments with spaces and do not quote them, so a value may consist of several words or lines.
Whatever may be the rest of a value is masked with it.
"""

import re
from collections.abc import Callable

from forwarder.traces.obfuscation.marks import CUT_OFF, MASK

MAX_SHOWN_COMMANDS = 3  # in a resource
MIN_COMMANDS = 2  # after which the next line is likely to be a command, too

_ARGUMENT = re.compile(r'"(?:[^"\\]++|\\.)*+"|\S++')
_LIKE_A_COMMAND = re.compile(r"[A-Za-z][\w.|-]{0,39}")
_SHORT = re.compile(r"[A-Z]{1,4}")  # alone in the last line after commands: hardly a value; the agent shows it


def _names(text: str) -> list[str]:
    return text.split()


# The first argument of these is part of the command.
_COMPOUND = frozenset(
    _names("ACL CLIENT CLUSTER COMMAND CONFIG DEBUG LATENCY MEMORY MODULE OBJECT PUBSUB SCRIPT XGROUP XINFO")
)

Arguments = list[str]
Rule = Callable[[Arguments], Arguments]


def _from(first: int) -> Rule:
    """Mask all arguments from this one on."""
    return lambda arguments: [*arguments[:first], MASK] if len(arguments) > first else arguments


def _last_of_each(size: int, first: int, flags: frozenset[str] = frozenset()) -> Rule:
    """Mask the last argument of each group of `size`; the groups begin at argument `first`, after any flags.

    Only what precedes the first value is certain: a value of several words looks like several groups. So later groups
    show nothing that the first one does not.
    """

    def rule(arguments: Arguments) -> Arguments:
        start = first
        while start < len(arguments) and arguments[start].upper() in flags:
            start += 1
        shown, rest = arguments[: start + size - 1], arguments[start:]
        if len(rest) < size:
            return arguments
        group = rest[: size - 1]
        is_repeated = all(rest[at : at + size][:-1] == group for at in range(0, len(rest), size))
        times = len(rest) // size if is_repeated and len(rest) % size == 0 else 1
        return [*shown, MASK, *[*group, MASK] * (times - 1)]

    return rule


def _only(value: int, options: re.Pattern[str]) -> Rule:
    """Mask one argument; what follows stays if it consists only of options, which may be written as in the manual."""

    def rule(arguments: Arguments) -> Arguments:
        rest = arguments[value + 1 :]
        stays = options.fullmatch(" ".join(rest).translate(_NOTATION) + " ")
        return [*arguments[:value], *([MASK] if len(arguments) > value else []), *(rest if stays else [])]

    return rule


def _options(*options: str) -> re.Pattern[str]:
    """Return a pattern for a sequence of options, each followed by a space."""
    return re.compile(rf"(?:\s*+(?:{'|'.join(options)})\s)*+\s*+", re.IGNORECASE)


def _bitfield(arguments: Arguments) -> Arguments:
    """Mask the value in each `SET type offset value`."""
    sets = [at for at, argument in enumerate(arguments) if argument.upper() == "SET"]
    values = {at + 3 for at in sets}
    return [MASK if at in values else argument for at, argument in enumerate(arguments)]


def _config(arguments: Arguments) -> Arguments:
    return _from(2)(arguments) if arguments and arguments[0].upper() == "SET" else arguments


def _insert(arguments: Arguments) -> Arguments:
    """Mask the pivot and the value, which are both elements; the manual's placeholder `pivot` stays."""
    return _from(3 if arguments[2:3] == ["pivot"] else 2)(arguments)


def _range(arguments: Arguments) -> Arguments:
    """Mask limits that are members instead of ranks or scores."""
    return [*arguments[:1], *(argument if _LIMIT.fullmatch(argument) else MASK for argument in arguments[1:])]


_NOTATION = str.maketrans("[]|", "   ")
_LIMIT = re.compile(r"\(?[-+]?(?:\d[\d.e]*+|inf)|[-+]|BYSCORE|BYLEX|REV|LIMIT|WITHSCORES", re.IGNORECASE)
_NUMBER = r"(?:\d{1,13}|seconds|milliseconds|count)"
_SET_OPTIONS = _options("expiration", f"(?:EX|PX|EXAT|PXAT) {_NUMBER}", "[NX]X", "KEEPTTL", "GET")
_RESTORE_OPTIONS = _options("REPLACE", "ABSTTL", f"(?:IDLETIME|FREQ) {_NUMBER}")
_UNIT = "(?:m|km|ft|mi)"
_RADIUS_OPTIONS = _options(
    rf"(?:[\d.]+|radius)\s{_UNIT}", _UNIT, "WITH(?:COORD|DIST|HASH)", f"COUNT {_NUMBER}", "ANY", "ASC|DESC",
    "STORE key", "STOREDIST key"
)  # fmt: skip
_ZADD_FLAGS = frozenset(_names("NX XX GT LT CH INCR"))

# Arguments to mask, counted from 0, the key. All arguments of commands in neither table are masked.
_RULES: dict[str, Rule] = {
    **dict.fromkeys(_names("AUTH HELLO MIGRATE EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO"), _from(0)),
    **dict.fromkeys(
        _names("APPEND GETSET LPUSHX RPUSHX SETNX SISMEMBER SMISMEMBER ZRANK ZREVRANK ZSCORE ZMSCORE XADD"), _from(1)
    ),
    **dict.fromkeys(_names("GEOHASH GEOPOS GEODIST LPUSH RPUSH SADD SREM ZREM PFADD PUBLISH SPUBLISH LPOS"), _from(1)),
    **dict.fromkeys(_names("HSETNX LREM LSET SETBIT SETEX PSETEX SETRANGE ZINCRBY SMOVE ACL"), _from(2)),
    "LINSERT": _insert,
    "ZRANGE": _range,
    "SET": _only(1, _SET_OPTIONS),
    "RESTORE": _only(2, _RESTORE_OPTIONS),
    "GEORADIUSBYMEMBER": _only(1, _RADIUS_OPTIONS),
    "HSET": _last_of_each(2, first=1),
    "HMSET": _last_of_each(2, first=1),
    "MSET": _last_of_each(2, first=0),
    "MSETNX": _last_of_each(2, first=0),
    "ZADD": _last_of_each(2, first=1, flags=_ZADD_FLAGS),
    "GEOADD": _last_of_each(3, first=1, flags=_ZADD_FLAGS),
    "BITFIELD": _bitfield,
    "CONFIG": _config,
}
# Commands whose arguments are keys, fields, numbers and options.
_HARMLESS = frozenset(
    _names(
        """
        BGSAVE BITCOUNT BITOP BITPOS BLMOVE BLPOP BRPOP BRPOPLPUSH CLIENT CLUSTER COMMAND COPY DBSIZE DECR
        DECRBY DEL DISCARD DUMP EXEC EXISTS EXPIRE EXPIREAT EXPIRETIME FLUSHALL FLUSHDB GEORADIUS GET GETBIT
        GETDEL GETEX GETRANGE HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HSCAN HSTRLEN
        HVALS INCR INCRBY INCRBYFLOAT INFO KEYS LASTSAVE LINDEX LLEN LMOVE LPOP LRANGE LTRIM MEMORY MGET MOVE
        MULTI OBJECT PERSIST PEXPIRE PEXPIREAT PFCOUNT PFMERGE PING PSUBSCRIBE PTTL PUNSUBSCRIBE QUIT
        RANDOMKEY READONLY RENAME RENAMENX RESET RPOP RPOPLPUSH SAVE SCAN SCARD SDIFF SDIFFSTORE SELECT SINTER
        SINTERSTORE SMEMBERS SPOP SRANDMEMBER SSCAN STRLEN SUBSCRIBE SUNION SUNIONSTORE TIME TOUCH TTL TYPE
        UNLINK UNSUBSCRIBE UNWATCH WAIT WATCH XACK XDEL XGROUP XINFO XLEN XPENDING XRANGE XREAD XREADGROUP
        XREVRANGE XTRIM ZCARD ZCOUNT ZINTERSTORE ZPOPMAX ZPOPMIN ZRANGEBYSCORE ZREMRANGEBYRANK
        ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE ZSCAN ZUNIONSTORE
        """
    )
)


def obfuscate(commands: str) -> str:
    """Return the commands, one per line, with `?` for their values.

    A line after one with a value may continue that value. It is treated as a command if it begins with a known one in
    upper case, and its arguments are shown only if it has a value itself.
    """
    shown: list[str] = []
    has_value = False
    lines = _lines(commands)
    for line in lines:
        is_short = MIN_COMMANDS <= len(shown) == len(lines) - 1 and MASK not in shown and _SHORT.fullmatch(line)
        if shown and not is_short and not _begins_with_a_command(line):
            masked = MASK
        else:
            command, *arguments = _ARGUMENT.findall(line)
            masked = _without_values(command, arguments, is_safe=not has_value)
        has_value = has_value or masked != line
        shown.append(masked)
    return "\n".join(shown)


def _lines(commands: str) -> list[str]:
    return [line for line in map(str.strip, commands.split("\n")) if line]


def _without_values(command: str, arguments: Arguments, *, is_safe: bool) -> str:
    name = command.upper()
    if not _LIKE_A_COMMAND.fullmatch(command):
        return MASK
    shown = arguments if name in _HARMLESS else _RULES.get(name, _from(0))(arguments)
    if arguments and shown == arguments and not is_safe:
        shown = [MASK]
    return " ".join([command, *shown])


def _begins_with_a_command(line: str) -> bool:
    word = line.split(maxsplit=1)[0]
    return word.isupper() and is_known(word)


def is_known(word: str) -> bool:
    """Return whether the word, in any case, is a command with known arguments."""
    return word.upper() in _HARMLESS or word.upper() in _RULES


def has_values(commands: str) -> bool:
    """Return whether the string begins with a command that is known to have values."""
    return commands.lstrip().partition(" ")[0].upper() in _RULES


def quantize(commands: str) -> str:
    """Return the names of the first three commands in upper case, and ` ...` if there are more or they are cut off.

    The first word of a later line is shown only if it is a known command: the line may continue a value.
    """
    shown: list[str] = []
    cut_off = False
    for at, line in enumerate(_lines(commands)):
        if len(shown) == MAX_SHOWN_COMMANDS:
            cut_off = True
            break
        name = _name(line, is_first=at == 0)
        cut_off = name.endswith(CUT_OFF)
        if not cut_off:
            shown.append(name)
    return " ".join([*shown, CUT_OFF] if cut_off else shown)


def _name(line: str, *, is_first: bool) -> str:
    command, *arguments = line.split(maxsplit=2)
    name = command.upper()
    if name.endswith(CUT_OFF):
        return name
    if not is_first:
        return name if is_known(name) else MASK
    subcommand = arguments[0].upper() if arguments and not arguments[0].endswith(CUT_OFF) else ""
    if name in _COMPOUND and subcommand:
        return f"{name} {subcommand}"
    return name if _LIKE_A_COMMAND.fullmatch(command) else MASK
