"""The words that name an object of the 80 COCO categories.

The words are part of the metric: they are those of Rohrbach et al. 2018 (arXiv 1809.02156), section 2. Each line begins
with the category.
"""

WORDS = """
person: adult baby baker bicyclist biker boy bride buyer caller camper chef child children cop cowboy coworker doctor
 driver drinker father female foreigner gentleman girl grandchild groom guy hunter kid lady male man mother offender
 officer passenger patient people pitcher player policeman politician rider serviceman shopper sister skateboarder
 skater skier snowboarder soldier solider student teenager thief traveler trespasser villager walker woman worker
bicycle: bike minibike trike unicycle
car: automobile cab coupe hatchback jeep limo minivan sedan suv taxi taxicab van
motorcycle: moped motor_cycle motorbike scooter
airplane: air_plane airbus aircraft biplane jet jetliner monoplane plane seaplane
bus: minibus trolley
train: caboose locomotive tramway
truck: firetruck hauler lorry pickup
boat: barge battleship canoe catamaran dinghy ferry ferryboat freighter houseboat kayak lifeboat liner motorboat
 paddleboat pontoon powerboat riverboat rowboat sailboard sailboat schooner ship skiff speedboat steamboat steamship
 trawler tugboat vessel watercraft yacht
traffic_light: stop_light stoplight street_light streetlight traffic_signal
fire_hydrant: hydrant
stop_sign:
parking_meter:
bench: pew
bird: blackbird bluebird bluejay buzzard chickadee cockatiel cockatoo condor cormorant cowbird crow duck egret falcon
 finch flamingo fowl goose gosling gull heron hummingbird kingfisher loon lorikeet macaw magpie mallard oriole osprey
 ostrich owl parakeet parrot peacock peafowl pelican pheasant pigeon puffin quail raven robin rooster sandpiper seabird
 seagull shorebird songbird sparrow swan turkey vulture warbler waterbird waterfowl willet woodpecker
cat: feline kitten tabby
dog: beagle brindle bulldog canine chihuahua cocker collie corgi dachshund doberman doggie doggy greyhound hound husky
 labrador mutt pitbull poodle pug pup puppy retriever rottweiler schnauzer sheepdog spaniel terrier weimaraner whippet
horse: bronc bronco clydesdale colt equine foal mare mustang palomino pony racehorse stallion
sheep: ewe goat lamb ram
cow: bison buffalo bull calf cattle heifer holstein ox oxen zebu
elephant:
bear: panda
zebra:
giraffe:
backpack: knapsack
umbrella:
handbag: briefcase purse wallet
tie: bow bow_tie
suitcase: luggage suit_case
frisbee:
skis: ski
snowboard:
sports_ball: ball
kite:
baseball_bat:
baseball_glove:
skateboard:
surfboard: longboard shortboard skimboard wakeboard
tennis_racket: racket
bottle:
wine_glass:
cup:
fork:
knife: pocketknife
spoon:
bowl: container
banana:
apple:
sandwich: burger cheeseburger hamburger sub
orange:
broccoli:
carrot:
hot_dog:
pizza:
donut: bagel doughnut
cake: cheesecake coffeecake cupcake pancake shortcake
chair: seat stool
couch: chesterfield futon loveseat recliner settee sofa
potted_plant: houseplant
bed:
dining_table: desk table
toilet: commode lavatory potty urinal
tv: monitor televison television
laptop: computer laptop_computer lenovo macbook netbook notebook
mouse:
remote:
keyboard:
cell_phone: cellphone mobile_phone phon phone smartphone telephone
microwave:
oven: stove stove_top_oven stovetop
toaster:
sink:
refrigerator: freezer fridge
book:
clock:
vase:
scissors:
teddy_bear: teddybear
hair_drier: hairdryer
toothbrush:
"""
IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "children": "child", "geese": "goose", "mice": "mouse",
    "oxen": "ox", "calves": "calf", "knives": "knife", "pocketknives": "pocketknife", "thieves": "thief",
    "buffaloes": "buffalo", "flamingoes": "flamingo", "policemen": "policeman", "servicemen": "serviceman",
    "gentlemen": "gentleman", "grandchildren": "grandchild", "skis": "ski", "scissors": "scissors",
}  # fmt: skip
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal", "cub")
QUALIFIED = {
    **{f"{age} {animal}": animal for age in ("baby", "adult") for animal in ANIMALS},
    "passenger jet": "jet", "passenger train": "train",
}  # fmt: skip
"""A first word that would count as a person, but does not mean one."""
PAIRS = {
    **QUALIFIED, "bow tie": "tie", "toilet seat": "toilet",
    **{pair: pair for pair in ("motor bike", "home plate", "train track")},
}  # fmt: skip
"""Two words that are read as one; those that name no category are left out by it."""


def category_of_words() -> dict[str, str]:
    """Every word or pair of words of the table to its category."""
    found = {}
    for line in WORDS.replace("\n ", " ").strip().splitlines():
        category, _, others = line.partition(":")
        for word in (category, *others.split()):
            found[word.replace("_", " ")] = category.replace("_", " ")
    return found
