//! The family 1, continued: rows of tables and logs that are read one by one.

codes! {
    UNREADABLE_ROW = "GP140" "unreadable-row" Warning None,
        "rows of a recorded table could not be read",
        "A row that lacks its time, server or state, or has one that cannot be understood, was counted and not used; nothing was guessed.",
        "Look at the first rows that are named; a time needs a zone (`2026-11-20T07:42:00Z`) unless its column says `[UTC]`.";
    MISSING_COLUMN = "GP141" "missing-column" Error None,
        "a recorded table lacks a column that it needs",
        "Columns are found by their names. Nothing of the table was used.",
        "Say which column it is: `--map server=NAME --map time=NAME`; `gatepath health --help` lists the fields.";
    FUTURE_ROWS = "GP142" "rows-from-the-future" Warning None,
        "rows that are later than the time of the question",
        "They were counted and not used: what was recorded after `--at` says nothing about that time.",
        "Leave `--at` out to use the last row's time, or correct the clock.";
    CONTRADICTORY_ROWS = "GP143" "contradictory-rows" Warning None,
        "rows of one series and time that say different things",
        "Neither row is preferred: such a moment says nothing about when the state changed.",
        "Give the column of the gateway instance, or of pool, setting and port, which tell the rows apart.";
    UNPLACED_ROWS = "GP144" "unplaced-rows" Warning None,
        "recorded rows that belong to no server of the snapshot",
        "Their gateway, pool, setting or server is not in the snapshot, or several can be meant. They were joined with nothing.",
        "Give the gateway's export, or the missing columns (pool, setting, port).";
    BROKEN_TABLE = "GP145" "table-not-read-to-its-end" Error None,
        "a recorded table could be read only in part",
        "The rows before the named place were used, those after it were not.",
        "Export it again.";
}
