"""Odd but ordinary answers of language models, and what each gives: a value, code, or one sentence.

The answers are written by hand in the forms that models are known for. Those of two real models are in
`tests/answers`.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any, Literal

from mlagent_tui.llm.base import Finish
from mlagent_tui.schemas import Decision, Goal, ModelConfig, Plan
from tests.scripted import CODE, CONFIG, plan

Kind = Literal["goal", "config", "decision", "plan", "code"]
TYPES = {"goal": Goal, "config": ModelConfig, "decision": Decision, "plan": Plan}

GOAL = {"dataset": "digits", "metric": "accuracy", "comparison": ">=", "threshold": 0.95}
LIMITED = GOAL | {"max_parameters": 10_000}
DECISION = {"decision": "iterate", "assessment": "too small", "changes": ["widen"]}
PLAN = plan()
G, D, C, P = (json.dumps(value) for value in (GOAL, DECISION, CONFIG, PLAN))
CALLS = [{"name": call["tool"], "arguments": call["arguments"]} for call in PLAN["calls"]]


@dataclass(frozen=True)
class Case:
    """What a model says where `kind` was asked for: `gives` is understood, or the model is told `says`."""

    name: str
    kind: Kind
    text: str
    gives: dict[str, Any] | str = ""
    says: str = ""
    finish: Finish = "stop"


def goal(text: str) -> str:
    """The goal's JSON with a part replaced: `old -> new`, several parted by `;;`."""
    changed = G
    for part in text.split(";;"):
        old, _, new = part.partition(" -> ")
        assert old in changed
        changed = changed.replace(old, new)
    return changed


AROUND = [
    Case("the object alone", "goal", G, GOAL),
    Case("spread over lines", "goal", json.dumps(GOAL, indent=4), GOAL),
    Case("fenced", "goal", f"```json\n{G}\n```", GOAL),
    Case("fenced twice", "goal", f"```\n```json\n{G}\n```\n```", GOAL),
    Case("a fence never closed", "goal", f"```json\n{G}", GOAL),
    Case("indented", "decision", f"    ```json\n    {D}\n    ```", DECISION),
    Case("prose before and after", "goal", f"Sure! Here is the goal:\n{G}\nLet me know if {{}} helps.", GOAL),
    Case("prose in German", "goal", f"Gerne, hier ist das Ziel:\n\n{G}\n\nViel Erfolg!", GOAL),
    Case("prose in Chinese", "goal", f"好的，这是目标：{G}。希望有帮助！", GOAL),
    Case("prose in Arabic", "decision", f"بالتأكيد، هذا هو القرار: {D}", DECISION),
    Case("inside an answer", "goal", f'{{"answer": {G}}}', GOAL),
    Case("a list around it", "goal", f"[{G}]", GOAL),
    Case("a list inside an answer", "decision", f'{{"result": [{D}]}}', DECISION),
    Case("the same twice", "goal", f"{G}\n\nFinal answer: {G}", GOAL),
    Case("a page", "goal", f"<pre>{html.escape(G)}</pre>", GOAL),
    Case("a byte-order mark, CRLF and NUL", "goal", "\ufeff" + json.dumps(GOAL, indent=1).replace("\n", "\r\n") + "\0", GOAL),
    Case("JSON as a text", "goal", json.dumps(G), GOAL),
    Case("two that differ", "goal", f"{G} or rather {goal('0.95 -> 0.9')}",
         says="the answer has several JSON objects, and they differ; answer with one"),
    Case("none", "goal", "The goal is to reach 95 % accuracy on digits.",
         says="the answer has no complete JSON object; answer with one JSON object"),
    Case("nothing", "decision", " \n", says="the answer was empty"),
    Case("the schema again", "goal", json.dumps({"properties": Goal.model_json_schema()["properties"]}),
         says="dataset: expected one of digits, mnist, fashion_mnist, cifar10, cifar100, dummy or null, got a mapping"),
]  # fmt: skip

CALLED = [
    Case("a tool call of Qwen", "goal", f'<tool_call>\n{{"name": "set_goal", "arguments": {G}}}\n</tool_call>', GOAL),
    Case("a tool call of Mistral", "goal", f'[TOOL_CALLS] [{{"name": "set_goal", "arguments": {G}}}]', GOAL),
    Case("a tool call of Mistral's newer form", "goal", f"[TOOL_CALLS]set_goal[ARGS]{G}", GOAL),
    Case("a tool call of Llama", "goal", f'<|python_tag|>{{"type": "function", "name": "goal", "parameters": {G}}}', GOAL),
    Case("a tool call of Gemma", "goal", f'```tool_code\n{{"name": "goal", "parameters": {G}}}\n```', GOAL),
    Case("a function of OpenAI's", "goal", json.dumps({"tool_calls": [{"type": "function", "function": {"name": "g", "arguments": G}}]}), GOAL),
    Case("arguments as a text in a tool call", "decision", "<tool_call>" + json.dumps({"name": "decide", "arguments": D}) + "</tool_call>", DECISION),
    Case("a plan as tool calls", "plan", "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in CALLS), PLAN),
    Case("a plan as one list of calls", "plan", json.dumps(PLAN["calls"]), PLAN),
    Case("a plan as functions", "plan", json.dumps({"tool_calls": [{"type": "function", "function": {**call, "arguments": json.dumps(call["arguments"])}} for call in CALLS]}), PLAN),
    Case("a plan as a list of two calls", "plan", json.dumps(CALLS[:2]), says="calls: expected a list of 3 to 10 values, got a list of 2"),
]  # fmt: skip

THOUGHT = [
    Case("thinking before", "goal", f"<think>\nSay {goal('0.95 -> 0.5')}? No.\n</think>\n\n{G}", GOAL),
    Case("thinking that was opened before", "goal", f'Maybe {{"threshold": 1}}.\n</think>{G}', GOAL),
    Case("thinking under another name", "goal", f"<reasoning>{goal('0.95 -> 0.5')}</reasoning>{G}", GOAL),
    Case("thinking twice", "goal", f"<think>Hm.</think>\n<think>{goal('0.95 -> 0.5')}</think>\n{G}", GOAL),
    Case("thinking after the answer, never closed", "goal", f"{G}\n<think>\nOr {goal('0.95 -> 0.5')}?", GOAL),
    Case("thinking that never ended", "goal", f"<think>\nIt could be {goal('0.95 -> 0.5')}, or", finish="length",
         says="the answer was not complete after 2048 tokens: the answer has no complete JSON object; answer with one JSON object"),
]  # fmt: skip

CUT = [
    Case("cut in a text that may be left out", "goal", G[:-1] + ', "max_parameters": 10000, "wishes": "small, small, sma', LIMITED, finish="length"),
    Case("cut behind its last field", "decision", D[:-1], DECISION, finish="length"),
    Case("cut inside an answer", "goal", f'{{"answer": {G[:-1]}, "wishes": "1, 1', GOAL, finish="length"),
    Case("never closed, though it ended", "goal", G[:-1] + ', "wishes": "small, ', GOAL),
    Case("cut in a field that is needed", "goal", G[: G.index("threshold") + 4], finish="length",
         says='the answer was not complete after 2048 tokens: the answer ended after {"dataset":"digits","metric":"accuracy","comparison":">="} '
              "(threshold: it is missing, expected a number from 0 to 100 or null); give all of it, in fewer words"),
    Case("cut in a number", "goal", G[:-2], finish="length",
         says='the answer was not complete after 2048 tokens: the answer ended after {"dataset":"digits","metric":"accuracy","comparison":">="} '
              "(threshold: it is missing, expected a number from 0 to 100 or null); give all of it, in fewer words"),
    Case("cut in a list of layers", "config", C[:150], finish="length",
         says='the answer was not complete after 2048 tokens: the answer ended after {"model_name":"CurrentModel","input_shape":[1,8,8],"num_classes":10} '
              "(layers: it is missing, expected a list of 1 to 64 values); give all of it, in fewer words"),
    Case("cut in its first field", "goal", '{"dataset": "dig', finish="length",
         says="the answer was not complete after 2048 tokens: the answer has no complete JSON object; answer with one JSON object"),
]  # fmt: skip

WRITTEN = [
    Case("a Python dictionary", "goal", str(GOAL | {"max_parameters": None}), GOAL),
    Case("Python's words", "config", C.replace('"padding": 1', '"padding": 1, "bias": True'), CONFIG),
    Case("a tuple", "config", C.replace("[1, 8, 8]", "(1, 8, 8)"), CONFIG),
    Case("names without quotation marks", "goal", "{dataset: 'digits', metric: accuracy, comparison: '>=', threshold: .95,}", GOAL),
    Case("commas before the end", "decision", D.replace("]}", ",],\n}"), DECISION),
    Case("comments", "decision", D.replace(', "changes"', ', // next\n /* one\n only */ "changes"'), DECISION),
    Case("typographic quotation marks", "goal", "{“dataset”: “digits”, “metric”: “accuracy”, “comparison”: “>=”, “threshold”: 0.95}", GOAL),
    Case("Chinese punctuation", "goal", "{“dataset”：“digits”，“metric”：“accuracy”，“comparison”：“≥”，“threshold”：0.95}", GOAL),
    Case("names in other case", "goal", goal('"dataset" -> "Data Set";;"metric" -> "METRIC";;"threshold" -> "Threshold"'), GOAL),
    Case("names in camel case", "goal", G[:-1] + ', "maxParameters": 10000}', LIMITED),
    Case("values in other case", "goal", goal('"digits" -> "Digits";;"accuracy" -> "Accuracy";;>= -> ≥'), GOAL),
    Case("layers as torch calls them", "config", C.replace('"conv2d"', '"Conv2d"').replace('"relu"', '"ReLU"'), CONFIG),
    Case("a share as text", "goal", goal('0.95 -> "95%"'), GOAL),
    Case("a share without quotation marks", "goal", goal("0.95 -> 95%"), GOAL),
    Case("a number as text", "goal", goal('0.95 -> "0.95"'), GOAL),
    Case("a decimal comma", "goal", goal('0.95 -> "0,95"'), GOAL),
    Case("thousands", "goal", G[:-1] + ', "max_parameters": "10k"}', LIMITED),
    Case("digits in groups", "goal", G[:-1] + ', "max_parameters": "10,000"}', LIMITED),
    Case("null as text", "goal", G[:-1] + ', "max_parameters": "none"}', GOAL),
    Case("null as text in place of a name", "goal", goal('"digits" -> "None"'), GOAL | {"dataset": None}),
    Case("phrases as a list", "goal", G[:-1] + ', "wishes": ["small", "no dropout"]}', GOAL | {"wishes": "small, no dropout"}),
    Case("one phrase where a list is wanted", "decision", D.replace('["widen"]', '"widen"'), DECISION),
    Case("a shape as text", "config", C.replace("[1, 8, 8]", '"1x8x8"'), CONFIG),
    Case("a line break inside a text", "decision", D.replace("too small", "too\nsmall"), DECISION | {"assessment": "too\nsmall"}),
    Case("an underscore escaped for a page", "goal", G[:-1] + r', "max\_parameters": 10000}', LIMITED),
    Case("the same field twice, alike", "goal", G[:-1] + ', "threshold": 0.95}', GOAL),
    Case("the same field twice, and not alike", "goal", G[:-1] + ', "threshold": 0.9}', says="threshold is given twice, as 0.95 and as 0.9"),
    Case("not a number", "goal", goal("0.95 -> NaN"), says="threshold is NaN, which is not a number: write a number or null"),
    Case("infinite", "goal", G[:-1] + ', "max_seconds": Infinity}', says="max_seconds is Infinity, which is not a number: write a number or null"),
    Case("a number with 5,000 digits", "goal", G[:-1] + ', "max_parameters": ' + "9" * 5000 + "}", says="max_parameters is too large a number"),
    Case("a number in words", "goal", goal('0.95 -> "about 95"'), says="threshold: expected a number from 0 to 100 or null, got 'about 95'"),
    Case("thousands or a fraction", "goal", G[:-1] + ', "max_seconds": "1,500"}', says="max_seconds: expected a number above 0 and at most 1,000,000 or null, got '1,500'"),
    Case("a field there is not", "decision", D[:-1] + ', "reason": "x"}', says="there is no field 'reason'. The fields are: decision, assessment, changes."),
    Case("a quotation mark in a text", "decision", D.replace("too small", 'the "best" one'),
         says='a comma or } is missing before best" one", "changes": ["widen"]}: a quotation mark inside a text is written \\"'),
    Case("a comma forgotten", "decision", D.replace('", "changes', '" "changes'),
         says='a comma or } is missing before "changes": ["widen"]}'),
    Case("... in place of layers", "config", C.replace('{"type": "relu"},', "...,"), says="layers has ... in place of a value: write all of it"),
    Case("nested too deep", "config", '{"a":' * 5000 + "1" + "}" * 5000, says="the object is nested more than 64 deep"),
    Case("a text far too long", "decision", D.replace("too small", "no " * 40_000),
         says="assessment: expected text of at most 600 characters, got 'no no no no no no no no no no no no no no no no no no no n…"),
    Case("no changes, though it iterates", "decision", D.replace('["widen"]', "[]"), says="the answer: a decision to iterate names at least one change"),
]  # fmt: skip

FENCED = f"```python\n{CODE}```"
BODY = CODE.removeprefix("import torch\n")
TAIL = """
model = CurrentModel()
x = torch.randn(1, 1, 8, 8)
for epoch in range(10):
    loss = model(x).sum()
print(loss)

if __name__ == "__main__":
    main()
"""
HELPER = """
class Block(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        return x

"""
WITH_HELP = (
    BODY.replace("return self.fc1(self.flatten1(x))", "return last(self, x)")
    + """

def last(net, x):
    return net.fc1(net.flatten1(x))
"""
)
COMPARED = CODE.replace("        x = self", "        assert x.ndim > 3 and x.size(1) < 9\n        x = self")
RELU = "        self.relu1 = nn.ReLU()"


def begun(by: str, code: str) -> str:
    """Every line of the code begun by a mark."""
    return "".join(f"{by}{line}" for line in code.splitlines(keepends=True))


NUMBERED = "".join(f"{number:3} | {line}" for number, line in enumerate(CODE.splitlines(keepends=True), 1))
TYPED = "".join(line for line in CODE.splitlines(keepends=True) if line.strip())
PROMPTED = "".join(f"{'...' if line[0] == ' ' else '>>>'} {line}" for line in TYPED.splitlines(keepends=True))
ADDED = "--- /dev/null\n+++ b/model.py\n@@ -0,0 +1,14 @@\n" + begun("+", CODE)
CHANGED = begun(" ", CODE).replace(
    "         self.fc1", "-        self.fc1 = nn.Linear(9, 10)\n+        self.fc1", 1
)

PYTHON = [
    Case("fenced code", "code", FENCED, CODE),
    Case("code in two fences", "code", f"```\n```python\n{CODE}```\n```", CODE),
    Case("code in a fence never closed", "code", f"Here:\n```python\n{CODE}", CODE),
    Case("code alone", "code", CODE, CODE),
    Case("code among prose in French", "code", f"Bien sûr ! Voici la classe :\n\n{CODE}\nVoilà, bonne chance !", CODE),
    Case("code among prose that begins like code", "code", f"from here on it is code:\n\n{CODE}\nclass dismissed", CODE),
    Case("code in a list item", "code", f"1. The module:\n\n{begun('   ', FENCED)}", CODE),
    Case("code after thinking with code", "code", f"<think>\n```python\n{HELPER * 3}```\n</think>\n```python\n{CODE}```", CODE),
    Case("code inside a tool call", "code", "<tool_call>" + json.dumps({"name": "write_file", "arguments": {"content": CODE}}) + "</tool_call>", CODE),
    Case("code inside an object, fenced", "code", json.dumps({"code": FENCED}), CODE),
    Case("code inside a tool call inside JSON", "code", json.dumps({"function": {"arguments": json.dumps({"code": CODE})}}), CODE),
    Case("code in Python's long text", "code", '{"code": """' + CODE + '"""}', CODE),
    Case("code for a page", "code", f"<pre><code class='py'>{html.escape(COMPARED)}</code></pre>", COMPARED),
    Case("code with HTML entities in a fence", "code", f"```python\n{html.escape(COMPARED)}```", COMPARED),
    Case("tabs for spaces", "code", f"```python\n{CODE.replace('    ', chr(9))}```", CODE.replace("    ", "\t")),
    Case("tabs among spaces", "code", f"```python\n{CODE.replace('        self.r', chr(9) + 'self.r')}```", CODE),
    Case("CRLF, a byte-order mark and NUL", "code", "\ufeff" + f"```python\n{CODE}```\0".replace("\n", "\r\n"), CODE),
    Case("typed at a prompt", "code", f"```\n{PROMPTED}```", TYPED),
    Case("with line numbers", "code", f"```\n{NUMBERED}```", CODE),
    Case("added in a diff", "code", f"```diff\n{ADDED}```", CODE),
    Case("changed in a diff", "code", f"```diff\n{CHANGED}```", CODE),
    Case("a training loop behind the class", "code", f"```python\n{CODE}\n{TAIL}```", CODE.replace("import torch\n", "")),
    Case("imports that only the training loop needs", "code", f"```python\nimport torchvision\n{BODY}\n{TAIL}torchvision.io\n```", BODY),
    Case("a function behind the class that it needs", "code", f"```python\n{WITH_HELP}\n\nprint(1)\n```", WITH_HELP),
    Case("two classes", "code", f"```python\nimport torch\nfrom torch import nn\n{HELPER}\n{BODY}```", f"import torch\nfrom torch import nn\n{HELPER}\n{BODY}"),
    Case("two blocks, a class in the second", "code", f"```python\nimport torch\n```\nThen:\n```python\n{CODE}```", CODE),
    Case("names that are not ASCII", "code", f"```python\n{CODE.replace('fc1', 'größe')}```", CODE.replace("fc1", "größe")),
    Case("a class under another name", "code", f"```python\n{CODE.replace('CurrentModel', 'Net')}```", says="source: expected class CurrentModel(nn.Module), got class Net"),
    Case("no class", "code", "```python\nmodel = nn.Sequential()\n```", says="source: expected class CurrentModel(nn.Module), got none"),
    Case("... in place of lines", "code", f"```python\n{CODE.replace(RELU, '        ...')}```", says="line 9: expected code, got ...; write every line"),
    Case("a comment in place of lines", "code", f"```python\n{CODE.replace(RELU, '        # ... the rest of the layers')}```",
         says="line 9: expected code, got '# ... the rest of the layers'; write every line"),
    Case("code that was cut", "code", f"```python\n{CODE[:300]}", finish="length", says="line 13: expected valid Python, got expected '('"),
]  # fmt: skip

CASES = [*AROUND, *CALLED, *THOUGHT, *CUT, *WRITTEN, *PYTHON]
