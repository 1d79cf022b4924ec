//! The family 1: reading files.

codes! {
    JSON_SYNTAX = "GP101" "json-syntax" Error None,
        "the file is not valid JSON",
        "Nothing of the file was used: a part of a broken document could be missing the very rule that decides.",
        "Export it again with `-o json`; do not edit exports by hand.";
    UNKNOWN_FORMAT = "GP102" "unknown-format" Warning None,
        "JSON of no known format",
        "The file is valid JSON but none of the formats that are read, so nothing of it was used.",
        "Give `az network ... list -o json`, REST, Resource Graph, service-tag or backend-health output; see `gatepath inspect --help`.";
    ENCODING_CONVERTED = "GP103" "utf16-input" Note None,
        "the file is UTF-16",
        "Windows PowerShell 5 writes UTF-16 when output is redirected with `>`. The file was read all the same.",
        "To avoid it: `... | Out-File -Encoding utf8 file.json`.";
    LEADING_TEXT = "GP104" "leading-text-skipped" Note None,
        "text before the JSON was skipped",
        "Warnings of the Azure CLI on standard error were merged into the file. The JSON after them was read.",
        "Redirect only standard output: `az ... -o json > file.json`.";
    UNREADABLE_FILE = "GP105" "unreadable-file" Error None,
        "a file or folder could not be read",
        "It was left out; answers that need what it holds are unknown.",
        "Check the path and the permissions.";
    OVER_LIMIT = "GP106" "over-limit" Error None,
        "a file is over the size limit",
        "It was not read, so that a hostile or mistaken file cannot exhaust the memory.",
        "Split the export, or raise `--limit-bytes`.";
    DUPLICATE_KEY = "GP107" "duplicate-key" Error None,
        "a key stands twice in one JSON object",
        "Readers disagree on which one counts, and Azure never writes this: the resource that holds the object is not used. Keys that differ only in letter case count as the same key.",
        "Remove one of the two, or export again.";
    WRONG_TYPE = "GP108" "wrong-type" Error None,
        "a value has the wrong JSON type",
        "The value could not be understood and nothing was put in its place; what depends on it is unknown.",
        "Export the resource again.";
    TRUNCATED_JSON = "GP109" "truncated-json" Error None,
        "the file ends in the middle of the JSON",
        "Nothing of the file was used: what is missing could decide.",
        "Export it again; a full disk or an interrupted command cuts files off.";
    NOT_JSON = "GP110" "not-json" Error None,
        "the file is not JSON",
        "It looks like a table, YAML, HTML or other text. Nothing of it was used.",
        "Export with `-o json`.";
    DEPTH_CUT = "GP111" "depth-cut" Error None,
        "ConvertTo-Json cut the data",
        "A .NET type name stands where data should be: PowerShell's ConvertTo-Json stops at depth 2 unless told otherwise. The resource was not used.",
        "Run it again with `ConvertTo-Json -Depth 20`.";
    GRAPH_TRUNCATED = "GP112" "graph-truncated" Warning None,
        "a Resource Graph answer is not complete",
        "Resource Graph returns at most 1,000 rows at a time. Resources that are missing here may exist, so whatever refers to them is unknown.",
        "Page with `--skip-token` (or `--first 1000 --skip N`) and give all pages.";
    CONFLICTING_RESOURCE = "GP113" "conflicting-resource" Error None,
        "one resource id with two different contents",
        "Two exports disagree and nothing says which one is current. Neither was used; what refers to the resource is unknown.",
        "Keep only the newer export.";
    TEMPLATE = "GP114" "template-not-evaluated" Warning None,
        "a part of an ARM template is not evaluated",
        "Copy loops, linked templates and names that only a deployment resolves are left out; resources that may get children from them are not used.",
        "Give exports of the deployed resources, or the expanded resources as `{\"resources\": [...]}`.";
    NOTHING_TO_READ = "GP115" "nothing-to-read" Warning None,
        "an input holds nothing",
        "The folder, file or list is empty.",
        "Check the path, and that the export ran with the right subscription and permissions.";
    HEALTH_OTHER_GATEWAY = "GP116" "health-for-other-gateway" Error None,
        "a health record is for a gateway that is not in the snapshot",
        "Its pools belong to another gateway, so it was joined with nothing.",
        "Export that gateway: `az network application-gateway show --ids ID -o json`.";
    UNIDENTIFIED_RESOURCE = "GP117" "unidentified-resource" Warning None,
        "an object has neither id nor type",
        "It cannot be placed and was not used.",
        "Export whole resources, with their `id`.";
    DANGLING_REFERENCE = "GP118" "dangling-reference" Warning None,
        "a referenced resource is not in the input",
        "What depends on it is unknown, unless the path is denied elsewhere anyway.",
        "Export it with the printed command and add the file.";
    ENCODING = "GP119" "invalid-encoding" Error None,
        "the file is neither UTF-8 nor UTF-16",
        "Nothing of it was used.",
        "Export it again in UTF-8.";
    UNREADABLE_RULE = "GP120" "unreadable-rule" Error None,
        "a rule or route cannot be judged",
        "A value that decides it is missing or none that Azure knows. Flows that it may match are unknown.",
        "Export the resource again.";
    HEALTH_STATE = "GP121" "unknown-health-state" Error None,
        "a health record holds a state that is not known",
        "The server counts as Unknown; its message is used.",
        "States are Healthy, Unhealthy, Unknown, Up, Down, Partial and Draining.";
    UNKNOWN_TYPE = "GP122" "unused-resource-type" Note None,
        "resources of types that no question here depends on",
        "They were counted and not used.",
        "Nothing to do.";
    FAILED_RECORDING = "GP123" "failed-request" Note None,
        "a recorded request failed",
        "A recorded HTTP answer is an error or has no body; there is nothing in it to use.",
        "Export again with sufficient permissions, if it was meant to hold data.";

    CONFLICTING_RECORDS = "GP124" "conflicting-records" Warning None,
        "two records say different things of one server",
        "The later one in the order of file names counts; records carry no time that could decide.",
        "Give one record, or name the files by their time.";
    INCOMPLETE_RESOURCE = "GP125" "incomplete-resource" Error None,
        "a resource without its properties",
        "Lists of ids and names (`az resource list`, a Resource Graph query that projects columns) hold no rules or routes. An NSG without rules would be something else, so the resource was not used.",
        "Export it whole with the command of its own type, for example `az network nsg list -o json`.";
    CONFLICTING_VALUES = "GP126" "conflicting-values" Error None,
        "a field stands under `properties` and beside it with another value",
        "Nothing says which one counts; the resource was not used.",
        "Export it again.";
}
