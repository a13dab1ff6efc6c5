"""Chats generated exactly, from a fixed seed: no file is read.

Each function takes the two folders of sources.py (and ignores them) and gives [(question, answer)].
"""

from __future__ import annotations

import json
import random
from pathlib import Path

Chats = list[tuple[str, str]]

COUNT = 700
NAMES = "Ada Ben Carla Dan Eva Finn Gita Hugo Ines Jon Kira Leo Mara Nils Olga Paul Rosa Sam Tara Uwe".split()
CITIES = "Lisbon Oslo Nairobi Lima Kyoto Quito Turin Perth Austin Leeds".split()
THINGS = "apple bread candle drum eagle feather garden hammer island jacket kettle lemon mirror needle onion pencil quilt river spoon table umbrella violin window yarn".split()
ANIMALS = "dog cat horse sparrow trout lizard frog whale ant spider eagle goat".split()
LEGS = dict(dog=4, cat=4, horse=4, sparrow=2, trout=0, lizard=4, frog=4, whale=0, ant=6, spider=8, eagle=2, goat=4)

JOBS = {
    "clean a kettle": ("white vinegar and water", "Bring the mixture to the boil", "let it stand for half an hour", "rinse it twice with fresh water"),
    "repot a house plant": ("a slightly larger pot and fresh soil", "Loosen the roots with your fingers", "fill the gaps with soil", "water it until it drains"),
    "iron a shirt": ("a warm iron and a damp cloth", "Start with the collar", "do the sleeves and the back", "hang the shirt up at once"),
    "bake a potato": ("a hot oven and a little oil", "Prick the skin with a fork", "bake it for about an hour", "cut a cross in the top"),
    "learn a poem": ("the text and a quiet room", "Read it aloud three times", "cover one line after the other", "say it from memory before bed"),
    "mend a flat bicycle tyre": ("two levers, a patch and glue", "Take the tube out of the tyre", "roughen the spot and glue the patch on", "pump it up and listen"),
    "plan a small party": ("a date and a list of guests", "Write to everyone two weeks before", "choose food that can stand", "ask a friend to help tidy up"),
    "write a thank-you note": ("a card and a pen", "Name what you were given", "say how you will use it", "sign it with your name"),
    "brew green tea": ("soft water and loose leaves", "Let the water cool to eighty degrees", "steep the leaves for two minutes", "pour it all out at once"),
    "organise a desk": ("three boxes and a bin", "Take everything off the desk", "sort it by how often you need it", "put back only what you use daily"),
    "save a document": ("the program that wrote it", "Open the file menu", "choose a folder that you will remember", "check that the name is right"),
    "start running": ("good shoes and a free half hour", "Walk briskly for five minutes", "run one minute and walk two", "stretch your calves"),
}
OPENERS = ["", "Could you tell me how to do this: ", "I have never done it. How do I ", "Please help: how does one "]
REQUESTS = ["a copy of the report", "directions to the station", "a table for four", "the date of the meeting", "a receipt", "an extra blanket",
            "the opening hours", "a window seat", "a refund", "the name of the manager", "help with the luggage", "a quiet room", "the recipe"]
WHEN = ["today", "tomorrow", "on Monday", "before noon", "next week", "this evening"]


def arithmetic(_: Path, __: Path) -> Chats:
    """Sums and products, the answer a bare number."""
    rng, rows = random.Random(1), []
    for _i in range(COUNT):
        a, b = rng.randint(2, 99), rng.randint(2, 99)
        sign, value = rng.choice([("+", a + b), ("-", a - b), ("*", a * b)])
        rows.append((f"What is {a} {sign} {b}?", str(value)))
    return rows


def json_conversion(_: Path, __: Path) -> Chats:
    """Sentences about people turned into JSON objects."""
    rng, rows = random.Random(2), []
    for _i in range(COUNT):
        person = {"name": rng.choice(NAMES), "age": rng.randint(18, 80), "city": rng.choice(CITIES), "owns": rng.sample(THINGS, rng.randint(1, 3))}
        said = f"{person['name']} is {person['age']} years old, lives in {person['city']} and owns: {', '.join(person['owns'])}."
        rows.append((f"Convert to JSON: {said}", json.dumps(person, indent=1 if rng.random() < 0.5 else None)))
    return rows


def sorted_lists(_: Path, __: Path) -> Chats:
    """Words sorted into bulleted or numbered lists."""
    rng, rows = random.Random(3), []
    for _i in range(COUNT):
        words = rng.sample(THINGS, rng.randint(3, 8))
        numbered = rng.random() < 0.5
        lines = [f"{i}. {w}" if numbered else f"- {w}" for i, w in enumerate(sorted(words), 1)]
        rows.append((f"Sort alphabetically as a {'numbered' if numbered else 'bulleted'} list: {', '.join(words)}", "\n".join(lines)))
    return rows


def howto(_: Path, __: Path) -> Chats:
    """Plain household advice, as numbered steps or as prose."""
    rng, rows = random.Random(4), []
    for _i in range(COUNT):
        job, (need, *steps) = rng.choice(list(JOBS.items()))
        opener = rng.choice(OPENERS)
        question = f"{opener}{job}{'.' if opener.startswith('Could') else '?'}" if opener else f"How do I {job}?"
        if rng.random() < 0.5:
            lines = [f"Get {need}.", f"{steps[0]}.", f"Then {steps[1]}.", f"Finally, {steps[2]}."]
            answer = "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))
        else:
            answer = (f"To {job}, you need {need}. {steps[0]}, then {steps[1]}. At the end, {steps[2]}. "
                      f"It is {rng.choice(['easier than it looks', 'done in no time', 'worth the effort', 'good to take your time'])}.")
        rows.append((question, answer))
    return rows


def polite(_: Path, __: Path) -> Chats:
    """Blunt requests made polite and formal."""
    rng, rows = random.Random(5), []
    frames = ["I would be most grateful if you could kindly provide me with {x} {w}. Thank you very much for your time and consideration.",
              "Might I trouble you for {x} {w}? Please accept my sincere thanks in advance for your kind assistance.",
              "If it is not inconvenient, may I respectfully ask for {x} {w}? I very much appreciate your help in this matter."]
    for _i in range(COUNT):
        thing, when = rng.choice(REQUESTS), rng.choice(WHEN)
        rows.append((f"Make this polite: Give me {thing} {when}!", rng.choice(frames).format(x=thing, w=when)))
    return rows


def yes_no(_: Path, __: Path) -> Chats:
    """Questions answered by yes or no and a few words."""
    rng, rows = random.Random(6), []
    for _i in range(COUNT):
        if rng.random() < 0.5:
            animal, legs = rng.choice(ANIMALS), rng.choice([0, 2, 4, 6, 8])
            right = LEGS[animal] == legs
            rows.append((f"Does a {animal} have {legs} legs?", "Yes." if right else f"No, it has {LEGS[animal]}."))
        else:
            a, b = rng.randint(1, 500), rng.randint(1, 500)
            rows.append((f"Is {a} greater than {b}?", "Yes." if a > b else "No."))
    return rows
