"""What leaves Plateau by itself: public events, delivered to the outside by channels such as webhooks.

`reader` hears every public event and writes what each channel wants delivered of it; `sender` sends what is due, again
and again on the channel's delays, and keeps the record. What a channel is stands in `channel`.
"""
