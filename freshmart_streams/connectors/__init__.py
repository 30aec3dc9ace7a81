"""What is not JSON on Kafka yet, and the plain Kafka clients that carry it there.

A reader turns a file into `Item`s: a message for one topic each, in the order of the file. It holds a bounded part of
the file in memory and reports what it cannot read with its line, instead of stopping.
"""
