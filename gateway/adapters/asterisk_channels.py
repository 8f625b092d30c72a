"""Names of Asterisk's channels."""

import re

# technology/device-xxxxxxxx, or Local/extension@context-xxxxxxxx;1 for the two ends of a channel within the dialplan.
_CHANNEL = re.compile(r"(?P<device>.+)-[0-9a-f]+(?:;[12])?", re.IGNORECASE)


def device(channel: str) -> str:
    """The device behind a channel, as queues name it: `PJSIP/1042` of `PJSIP/1042-00000a1b`."""
    named = _CHANNEL.fullmatch(channel)
    return named["device"] if named else channel


def endpoint(channel: str) -> str:
    """The name of the device within its technology: `1042` of `PJSIP/1042-00000a1b`."""
    return device(channel).partition("/")[2]
