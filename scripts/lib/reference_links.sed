# What scripts/reference changes in the pages, which are written for GitHub, before Doxygen reads them.

# Doxygen 1.9 gives headings other names than GitHub does: a link to one leads to its page.
s,\]\(([^):#]*\.md)#[^)]*\),](\1),g
s,\[([^][]*)\]\(#[^)]*\),\1,g

# What is no page is not part of the reference: such a link leads out of build/reference/html, back to the sources.
s,\[([^][]*)\]\((\.\./)*((cmake|examples|include|perf|scripts|source|unit_tests|LICENSE)[^)]*)\),<a href="../../../\3">\1</a>,g
