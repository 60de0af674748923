"""Speech synthesis: text into a corpus of many voices, to learn words that no recording has."""
