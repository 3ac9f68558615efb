"""A few images with captions, and what the official scorers give for them."""

from macaw_cli.evaluation.metrics.referenced import Referenced

CAPTIONED = [
    Referenced(
        ("A brown dog's leash is tied to a red fire hydrant.", "The dog isn't happy near the hydrant",
         "A dog waits beside a fire hydrant on a street corner."),
        "A brown dog is standing next to a fire hydrant.",
    ),
    Referenced(
        ("Two men ride their bikes on St. James Street.", "Two people riding bicycles down a street, side by side."),
        "Two people riding bikes down a street",
    ),
    Referenced(
        ("A T-shirt hangs over the back of a chair; it costs $5.50.", "A black-and-white shirt on a wooden chair!",
         "Somebody's shirt (striped) was left on the chair...", "A shirt on a chair"),
        "A black-and-white cat sleeping on a wooden chair.",
    ),
    Referenced(
        ("A clock tower at 3:30 p.m. under a blue sky.", "The clock on the tower shows half past three"),
        "A tall clock tower under a cloudy blue sky with two birds.",
    ),
    Referenced(
        ("Children can't wait to eat the \u201cbig\u201d pizza \u2014 it's huge.",
         "Three kids around a table with a pizza.", "kids about to eat pizza"),
        "A group of kids eating pizza",
    ),
    Referenced(
        ("A woman and her baby elephant walk past a bus stop.", "An elephant walks on the road near people.",
         "A woman leads a small elephant along a road"),
        "An elephant walking along a road near a bench and a woman.",
    ),
    Referenced(("A glass of red wine on a table.", "Wine glasses stand on the dining table"), "pizza"),
    Referenced(("An airplane flies above the clouds", "A passenger jet in the sky"), ""),
]  # fmt: skip
INSTANCES = [
    {"dog", "fire hydrant"}, {"person", "bicycle"}, {"chair"}, {"clock"}, {"person", "pizza", "dining table"},
    {"person", "elephant"}, {"wine glass", "dining table"}, {"airplane"},
]  # fmt: skip
