"""How families of models mark thinking and answer: one table, and where a prompt stands by it.

The marks are those of the families' own chat templates. A family that is missing is a new entry here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """The marks of one family; what is empty, it does not have.

    `opens` and `closes` stand around thinking; `answer` follows and begins the answer; `direct` begins an
    answer without thinking; `ends` finishes it. A prompt that ends with `turn` leaves the choice between
    thinking and answering to the model. A family with a `sign` is looked for only in models whose template
    has that text, because its marks are also other families', or (`plain`) may be part of any text.
    """

    name: str
    opens: str = ""
    closes: str = ""
    answer: str = ""
    direct: str = ""
    ends: str = ""
    turn: str = ""
    sign: str = ""
    plain: bool = False

    @property
    def closing(self) -> str:
        """What is put in to end thinking and begin the answer."""
        return self.closes + self.answer if self.answer else f"\n{self.closes}\n\n"


FAMILIES = (
    # DeepSeek R1 to V4, Qwen 3, QwQ, GLM 4.5 to 4.7, Nemotron, SmolLM3, MiniMax M1 and M2, Kimi K2, Ling,
    # LFM2.5, MiMo, StepFun, Granite 3.3, Magistral 2506, RWKV
    Family("think", "<think>", "</think>"),
    Family("thinking", "<thinking>", "</thinking>"),  # Apriel 1.5
    Family("thought", "<thought>", "</thought>"),  # EXAONE Deep
    Family("reasoning", "<reasoning>", "</reasoning>"),  # Reka Flash
    Family("seed", "<seed:think>", "</seed:think>"),  # Seed-OSS
    Family("minimax", "<mm:think>", "</mm:think>"),  # MiniMax M3
    Family("hunyuan", "<think:opensource>", "</think:opensource>"),  # Hunyuan 3
    Family("mistral", "[THINK]", "[/THINK]"),  # Magistral 2507, Ministral 3
    Family("kimi-vl", "◁think▷", "◁/think▷"),
    Family("apertus", "<|inner_prefix|>", "<|inner_suffix|>"),
    Family("gemma", "<|channel>thought\n", "<channel|>"),  # Gemma 4
    Family(
        "kimi-k3",
        "<|open|>think<|sep|>",
        "<|close|>think<|sep|>",
        answer="<|open|>response<|sep|>",
        ends="<|close|>response<|sep|>",
    ),
    Family(
        "command",  # Command A and R 7B
        "<|START_THINKING|>",
        "<|END_THINKING|>",
        answer="<|START_RESPONSE|>",
        ends="<|END_RESPONSE|>",
        sign="<|START_RESPONSE|>",
    ),
    Family(
        "command-moe",
        "<|START_THINKING|>",
        "<|END_THINKING|>",
        answer="<|START_TEXT|>",
        ends="<|END_TEXT|>",
        sign="<|END_TEXT|>",
    ),
    Family(
        "gpt-oss",
        "<|channel|>analysis<|message|>",
        "<|end|>",
        answer="<|start|>assistant<|channel|>final<|message|>",
        direct="<|channel|>final<|message|>",
        turn="<|start|>assistant",
        sign="<|channel|>analysis<|message|>",
    ),
    Family(
        "solar",
        "<|think|>",
        "<|end|>",
        answer="<|begin|>assistant<|content|>",
        direct="<|content|>",
        turn="<|begin|>assistant",
        sign="<|begin|>assistant<|think|>",
    ),
    Family(
        "muse",
        " to=self<|message|>",
        "<|eom|>",
        answer="<|start|>assistant<|message|>",
        direct="<|message|>",
        turn="<|start|>assistant",
        sign=" to=self<|message|>",
    ),
    Family(
        "apriel",  # 1.6
        "Here are my reasoning steps:\n",
        "[BEGIN FINAL RESPONSE]",
        ends="[END FINAL RESPONSE]",
        sign="[BEGIN FINAL RESPONSE]",
        plain=True,
    ),
    Family("functionary", direct="all\n", turn=">>>", sign=">>>all\\n", plain=True),  # 3.2
)


@dataclass(frozen=True)
class Prompt:
    """A prompt ready to be answered: `inside` the thinking of a family, or not.

    `known` are the families whose marks the answer may have.
    """

    text: str
    inside: Family | None = None
    known: tuple[Family, ...] = FAMILIES


def known_to(template: str | None) -> tuple[Family, ...]:
    """The families that a model with this chat template may belong to; None: its template is not known."""
    if template is None:
        return tuple(family for family in FAMILIES if not family.plain)
    return tuple(family for family in FAMILIES if family.sign in template)


def ready(prompt: str, known: tuple[Family, ...], think: bool, begin: str = "") -> Prompt:
    """`prompt` with the choice made that it leaves to the model: to think first, or to answer at once.

    Where no thinking is wanted, thinking that the prompt has opened is closed. So it is where the answer is
    begun for the model, with the text `begin`.
    """
    think = think and not begin
    for family in known:
        if family.turn and prompt.endswith(family.turn):
            prompt += family.opens if think and family.opens else family.direct
            break
    inside = next((f for f in known if f.opens and prompt.rstrip().endswith(f.opens.rstrip())), None)
    if inside and not think:
        return Prompt(prompt + inside.closing + begin, None, known)
    return Prompt(prompt + begin, inside, known)
