#pragma once

namespace tool {

inline constexpr const char* run_description = "Run a command for each line of a list, several at a time";

inline constexpr const char* run_footer =
    "Runs the command once for each line of --input-list, `-` for standard input, or for each file below --input. The\n"
    "line takes the place of {}; it is one word, whatever it holds. Empty lines are skipped. The list is read to its\n"
    "end before the first command starts. There is no shell unless --shell asks for one: blanks part the words, '…',\n"
    "\"…\" and backslashes quote as in a shell, nothing is expanded, and what a shell would not take literally is\n"
    "refused unless it is quoted. With --shell each {} becomes \"$1\", which holds the line, so leave out quotes of\n"
    "your own around it. {{}} stands for the text {}.\n\n"
    "What a command writes to standard output and standard error goes to those of fanout in one piece, in the order of\n"
    "the list: at once for the first command that has not ended, and otherwise when it is its turn. With --retry it is\n"
    "when the command has ended, and what its earlier attempts wrote is dropped. What has to wait beyond 1 MiB a\n"
    "command and 64 MiB in all is in a temporary file without a name, below TMPDIR or /tmp.\n\n"
    "A command that takes too long, or runs when the time is over or fanout gets SIGINT (Ctrl-C), SIGTERM or SIGHUP, is\n"
    "sent SIGTERM with all that it has started, and what still runs after --grace is killed. A second such signal kills\n"
    "all commands and ends fanout. After --stop-after-failures the running commands end by themselves. Standard input\n"
    "of a command is empty unless --stdin names a file, and it cannot use the terminal. When a command has ended, what\n"
    "it has left in its process group is killed; what still writes its output has the time of --grace.\n\n"
    "A line on standard error says in the end how many commands succeeded, failed, timed out, were stopped and were\n"
    "not started, and how many were tried again. --summary writes it to a file instead, with what went wrong for each.\n\n"
    "Examples:\n"
    "  find . -name '*.log' | fanout run --command 'zstd -q {}' --input-list -\n"
    "  find . -name '*.log' -print0 | fanout run --command 'grep -c error {}' --input-list - --null\n"
    "  fanout run --command 'curl -sS -O {}' --input-list urls --concurrency 16 --task-timeout 30s --retry 3 "
    "--retry-pause 1s\n"
    "  fanout run --shell --command 'convert {} {}.png' --input pictures --concurrency auto --unfinished again\n"
    "  fanout run --command 'rm {}' --input-list old-files --dry-run\n\n"
    "Of an option that is given twice, the last value counts.\n\n"
    "Exit codes:\n"
    "  0    all commands succeeded, or there was none\n"
    "  1    some input could not be listed (the rest was run), an output could not be written, or something else failed\n"
    "  2    the arguments cannot be used; no command was started\n"
    "  3    some commands failed or timed out\n"
    "  124  the time of --timeout was over before all commands had ended\n"
    "  130  interrupted by Ctrl-C, as a shell reports it; 143 by SIGTERM, 129 by SIGHUP";

}  // namespace tool
