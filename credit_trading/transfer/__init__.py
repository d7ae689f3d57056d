"""What a user holds and did, as files that other programs read; and what other programs wrote, brought in."""
