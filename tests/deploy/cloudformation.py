"""Reads a CloudFormation template and evaluates the stack that it makes, as far as our template needs that."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
NO_VALUE = object()
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/logs/5f0c2a10-0000-4000-8000-000000000001"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": STACK_ID,
    "AWS::StackName": "logs",
    "AWS::URLSuffix": "amazonaws.com",
}
# What `Ref` and `.Arn` of a resource give: the name is that which is given, or made of the stack's and the resource's.
REFS = {"AWS::SecretsManager::Secret": "arn:{partition}:secretsmanager:{place}:secret:{name}-a1B2c3"}
ARNS = {
    "AWS::Events::Rule": "arn:{partition}:events:{place}:rule/{name}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{place}:log-group:{name}:*",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{place}:function:{name}",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::Serverless::Function": "arn:{partition}:lambda:{place}:function:{name}",
}
NAMES = {
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Serverless::Function": "FunctionName",
}
_REFERENCE = re.compile(r"\$\{([^}]+)\}")


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` as `{"Ref": "x"}`, `!Sub x` as `{"Fn::Sub": "x"}`, `!GetAtt x.Arn` as `{"Fn::GetAtt": […]}`."""


def _function(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        argument: Any = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        argument = loader.construct_mapping(node, deep=True)
    else:
        argument = loader.construct_scalar(node)  # type: ignore[arg-type]  # no other kind is left
    if name == "GetAtt":
        argument = argument.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": argument}


_Loader.add_multi_constructor("!", _function)


def load(path: Path) -> dict[str, Any]:
    """Return the template with short-form functions expanded."""
    template: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # a SafeLoader
    return template


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in a value, at any depth."""
    if isinstance(value, dict):
        yield value
    for child in _children(value):
        yield from mappings(child)


def texts(value: Any) -> Iterator[str]:
    """Yield every string in a value, at any depth, except keys."""
    if isinstance(value, str):
        yield value
    for child in _children(value):
        yield from texts(child)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def references(value: Any) -> list[str]:
    """Return the name in every `Ref`, `Fn::GetAtt` and `${…}`, as often as it is there."""
    names: list[str] = []
    for mapping in mappings(value):
        match mapping:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
                names.append(name)
            case {"Fn::Sub": str(text)}:
                names.extend(name.split(".")[0] for name in _REFERENCE.findall(text))
    return names


class Stack:
    """A template with values for its parameters; `resources`, `outputs` and `refusals` have all functions evaluated.

    Like CloudFormation, it refuses a reference to a resource that the stack does not make.
    """

    def __init__(self, template: Mapping[str, Any], **parameters: str) -> None:
        unknown = parameters.keys() - template["Parameters"].keys() - PSEUDO_PARAMETERS.keys()
        assert not unknown, unknown
        self._template = template
        self._values: dict[str, Any] = {**PSEUDO_PARAMETERS, **parameters}
        for name, declared in template["Parameters"].items():
            value = str(parameters.get(name, declared["Default"]))
            is_list = declared["Type"] == "CommaDelimitedList"
            self._values[name] = [item.strip() for item in value.split(",")] if is_list else value
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.holds,
            "Fn::GetAtt": self._arn,
            "Fn::If": lambda choice: self.resolve(choice[1 if self.holds(choice[0]) else 2]),
            "Fn::Equals": lambda pair: self.resolve(pair[0]) == self.resolve(pair[1]),
            "Fn::Contains": lambda pair: self.resolve(pair[1]) in self.resolve(pair[0]),
            "Fn::EachMemberEquals": lambda pair: set(self.resolve(pair[0])) <= {self.resolve(pair[1])},
            "Fn::Not": lambda conditions: not self.resolve(conditions[0]),
            "Fn::Or": lambda conditions: any(self.resolve(conditions)),
            "Fn::And": lambda conditions: all(self.resolve(conditions)),
            "Fn::Join": lambda parts: parts[0].join(self.resolve(parts[1])),
            "Fn::Select": lambda choice: self.resolve(choice[1])[int(choice[0])],
            "Fn::Split": lambda parts: self.resolve(parts[1]).split(parts[0]),
            "Fn::Sub": lambda text: _REFERENCE.sub(self._substitute, text),
        }

    def resolve(self, value: Any) -> Any:
        """Evaluate all functions; what becomes `AWS::NoValue` is left out."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in self._functions:
                return self._functions[name](argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        return self._values[name] if name in self._values else self._identify(name, REFS)

    def _arn(self, attribute: Sequence[str]) -> str:
        """Return an ARN, the only attribute that the template asks for."""
        name, asked = attribute
        assert asked == "Arn", attribute
        return self._identify(name, ARNS)

    def _substitute(self, reference: re.Match[str]) -> str:
        name = reference[1]
        return str(self._arn(name.split(".", 1)) if "." in name else self._ref(name))

    def _identify(self, logical_name: str, forms: Mapping[str, str]) -> str:
        assert self._is_made(logical_name), f"{logical_name} is referred to, but not made"
        resource = self._template["Resources"][logical_name]
        given = resource.get("Properties", {}).get(NAMES.get(resource["Type"], ""), NO_VALUE)
        name = self.resolve(given)
        region, account = self._values["AWS::Region"], self._values["AWS::AccountId"]
        return forms.get(resource["Type"], "{name}").format(
            name=f"logs-{logical_name}" if name is NO_VALUE else name,
            partition=self._values["AWS::Partition"],
            place=f"{region}:{account}",
            account=account,
        )

    def _is_made(self, logical_name: str) -> bool:
        resource = self._template["Resources"][logical_name]
        return "Condition" not in resource or self.holds(resource["Condition"])

    def holds(self, condition: str) -> bool:
        """Return whether a condition holds."""
        return bool(self.resolve(self._template["Conditions"][condition]))

    @property
    def resources(self) -> dict[str, Any]:
        """The properties of the resources that are created."""
        made = {name: each for name, each in self._template["Resources"].items() if self._is_made(name)}
        return {name: self.resolve(each["Properties"]) for name, each in made.items()}

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs."""
        outputs = self._template["Outputs"].items()
        present = {name: each for name, each in outputs if "Condition" not in each or self.holds(each["Condition"])}
        return {name: self.resolve(each["Value"]) for name, each in present.items()}

    @property
    def refusals(self) -> list[str]:
        """The rules that the values break."""
        rules = [rule for rule in self._template["Rules"].values() if self.resolve(rule.get("RuleCondition", True))]
        assertions = [item for rule in rules for item in rule["Assertions"]]
        return [item["AssertDescription"] for item in assertions if not self.resolve(item["Assert"])]

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the forwarder."""
        variables: dict[str, str] = self.resources["Forwarder"]["Environment"]["Variables"]
        return variables

    def statements(self, role: str = "ForwarderRole") -> list[dict[str, Any]]:
        """What a role may do."""
        resources = self.resources
        name = self._ref(role)
        apart = [made for made in resources.values() if name in made.get("Roles", ())]
        policies = [*resources[role]["Policies"], *apart]
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


TEMPLATE = load(ROOT / "template.yaml")
