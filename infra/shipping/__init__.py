"""Shippers: send what a telephone system writes or says to Plateau, each thing once and none lost.

They run beside the telephone system, where nothing else of Plateau need be: click, httpx and rich are all they load.
"""
