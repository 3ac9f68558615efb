"""Every benchmark task, those of macaw and those that other packages add.

A task of macaw is a file of settings in this folder, a file in `evaluation/tasks/` and a row of `BUILT_IN`. Another
package adds one by an entry point in the group `macaw.tasks` that names a `TaskEntry`: see docs/own-parts.md.
"""

from macaw_cli.config.design_entries import DesignEntry, with_plug_ins
from macaw_cli.config.tasks.audiocaps import AudioCapsSettings
from macaw_cli.config.tasks.avsd import AvsdSettings
from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.config.tasks.charades import CharadesSettings
from macaw_cli.config.tasks.clotho import ClothoSettings
from macaw_cli.config.tasks.clotho_aqa import ClothoAqaSettings
from macaw_cli.config.tasks.coco_captions import CocoCaptionsSettings
from macaw_cli.config.tasks.esc50 import Esc50Settings
from macaw_cli.config.tasks.fairness import FairnessSettings
from macaw_cli.config.tasks.gqa import GqaSettings
from macaw_cli.config.tasks.hallusionbench import HallusionbenchSettings
from macaw_cli.config.tasks.librispeech import LibriSpeechSettings
from macaw_cli.config.tasks.mmau import MmauSettings
from macaw_cli.config.tasks.mmbench import MmbenchSettings
from macaw_cli.config.tasks.mme import MmeSettings
from macaw_cli.config.tasks.mmstar import MmstarSettings
from macaw_cli.config.tasks.msrvtt_qa import MsrvttQaSettings
from macaw_cli.config.tasks.msvd_qa import MsvdQaSettings
from macaw_cli.config.tasks.naturalbench import NaturalbenchSettings
from macaw_cli.config.tasks.pope import PopeSettings
from macaw_cli.config.tasks.questions import QuestionsSettings
from macaw_cli.config.tasks.realtoxicityprompts import RealToxicityPromptsSettings
from macaw_cli.config.tasks.scienceqa import ScienceqaSettings
from macaw_cli.config.tasks.vqav2 import Vqav2Settings


class TaskEntry(DesignEntry):
    """One row of the table: a task's settings, and where its module is.

    Attributes:
        settings: a frozen dataclass, a subclass of `TaskSettings` with a field `name`. Every field has a default. It is
            checked without torch: its module must not import torch, numpy or transformers.
        module: `module:class` of a subclass of `macaw_cli.evaluation.tasks.task.Task`, imported on use.
    """

    settings: type[TaskSettings]


GROUP = "macaw.tasks"
"""The group of entry points."""
BUILT_IN = (
    TaskEntry(AudioCapsSettings, "macaw_cli.evaluation.tasks.audiocaps:AudioCaps"),
    TaskEntry(AvsdSettings, "macaw_cli.evaluation.tasks.avsd:Avsd"),
    TaskEntry(CharadesSettings, "macaw_cli.evaluation.tasks.charades:Charades"),
    TaskEntry(ClothoSettings, "macaw_cli.evaluation.tasks.clotho:Clotho"),
    TaskEntry(ClothoAqaSettings, "macaw_cli.evaluation.tasks.clotho_aqa:ClothoAqa"),
    TaskEntry(CocoCaptionsSettings, "macaw_cli.evaluation.tasks.coco_captions:CocoCaptions"),
    TaskEntry(Esc50Settings, "macaw_cli.evaluation.tasks.esc50:Esc50"),
    TaskEntry(FairnessSettings, "macaw_cli.evaluation.tasks.fairness:Fairness"),
    TaskEntry(GqaSettings, "macaw_cli.evaluation.tasks.gqa:Gqa"),
    TaskEntry(HallusionbenchSettings, "macaw_cli.evaluation.tasks.hallusionbench:Hallusionbench"),
    TaskEntry(LibriSpeechSettings, "macaw_cli.evaluation.tasks.librispeech:LibriSpeech"),
    TaskEntry(MmauSettings, "macaw_cli.evaluation.tasks.mmau:Mmau"),
    TaskEntry(MmbenchSettings, "macaw_cli.evaluation.tasks.mmbench:Mmbench"),
    TaskEntry(MmeSettings, "macaw_cli.evaluation.tasks.mme:Mme"),
    TaskEntry(MmstarSettings, "macaw_cli.evaluation.tasks.mmstar:Mmstar"),
    TaskEntry(MsrvttQaSettings, "macaw_cli.evaluation.tasks.msrvtt_qa:MsrvttQa"),
    TaskEntry(MsvdQaSettings, "macaw_cli.evaluation.tasks.msvd_qa:MsvdQa"),
    TaskEntry(NaturalbenchSettings, "macaw_cli.evaluation.tasks.naturalbench:Naturalbench"),
    TaskEntry(PopeSettings, "macaw_cli.evaluation.tasks.pope:Pope"),
    TaskEntry(QuestionsSettings, "macaw_cli.evaluation.tasks.questions:Questions"),
    TaskEntry(RealToxicityPromptsSettings, "macaw_cli.evaluation.tasks.realtoxicityprompts:RealToxicityPrompts"),
    TaskEntry(ScienceqaSettings, "macaw_cli.evaluation.tasks.scienceqa:Scienceqa"),
    TaskEntry(Vqav2Settings, "macaw_cli.evaluation.tasks.vqav2:Vqav2"),
)
TABLE, PACKAGES = with_plug_ins(GROUP, TaskEntry, "a task", BUILT_IN)
"""The rows by name, and the package of each row that is not macaw's."""
