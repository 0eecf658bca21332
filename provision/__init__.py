"""Build chrony from pinned source on hosts, serve authenticated time with it, and prove that it works.

The map, to be read from the bottom: a module knows only those above it (tests/test_architecture.py holds that).

Words: pure, no host, no clock, no file but their own data and the one that they are about
    errors              what may go wrong, by what the operator does next
    releases            pinned tarballs, and which Nettle fits which chrony
    recipe              what to build: releases, configure options, platform; its digest names the build
    keys/, access       chrony.keys: a key, a file of them, what is wrong with it; who may query, by chrony's rules
    conf                the directives of a chrony.conf
    site/               the site file: typed, and refused with the path of the value
    target, facts       what --host may say; what a host is
    roster, following   the hosts of a site, and what each resolves to; who of them follows whom, with which key
    libraries           from which packages a build has its libraries
    packages, service   what a build needs from a distribution; what chronyd's unit must grant
    sbom                what is in a build, for those who keep account of it (the only one that knows CycloneDX)
    render              templates and values to text (the only one that knows Jinja)
    rollout             which hosts may run now, and how far each may go
    history             what a host was switched to, when, by whom
    expectation         chrony.conf to what its chronyd has to show
    firewall/           what a local firewall said: whether it lets in NTP, and what opens it
    sealed              values that travel where others may look
    generation          build, chrony.conf, keys and unit, named by their content
    configure_log, chronyc, findings, build_evidence, asked, evidence, rehearsal
                        what tools and hosts said, as values

Edge: one outside world per module
    transport/          a way to a host: local, or SSH (the only one that knows Fabric)
    remote/             the POSIX sh that runs on hosts
    workplace           a private folder there, everybody else kept out, and a guard that tidies up
    host                ask, run, write and upload, over any transport
    fetch/              release to verified tarball: store, folder, upstream, apt's mirrors
    artifacts           finished builds, packed, in the store of this machine
    bundle              tarballs and artifacts in one file, for places without any network
    cluster             the workers of a Dask cluster (the only one that knows it)
    ntp                 NTP requests, plain and with a MAC (the only one that opens UDP)
    sandbox/            throwaway hosts, booted on this machine
    private             a file that only its owner may read, written whole or not at all
    passwords           the password of sudo: given or typed, and right on one host before others get it
    key_source          where an operator's keys come from: a file, or a command that prints one
    log                 the full log of a run, without secrets

States
    making              how a build comes to a host: compiled there, or unpacked from an artifact
    steps/              one wanted state per file: look, drift, apply

Story
    converge            the one loop: answer, drift, apply, look again
    report, progress/   what a run did and saw, as text and JSON; what the operator sees meanwhile
    plan                site and facts to steps, in order
    judge               evidence to findings
    overview            what each host of a site resolves to, as text
    wish, session       a command line, checked; a host, connected
    key_use             the key files of a site: which one is meant, and who uses which key
    prove               collect evidence, on the host and with packets from here
    run                 one run on one host: connect, tell a story, report
    elsewhere           the same, handed to a worker of a cluster
    deploy              the stories of a deployment, and of its parts
    rollback            the stories of a host's past
    uninstall           the story of the way out
    fleet, failed       one story on many hosts; those that were not as wanted, for the next time
    command             what a command line asks of hosts, from its words to the report
    rotation            one key in the place of another: what the key file says of it, and its story over a site
    exits               how a task ends that could not do its work
    key_tasks           the tasks about keys
    cli                 the tasks, as ``inv`` and ``chrony-provision`` show them

On a host everything of ours lies in /opt/chrony: ``builds/`` and ``generations/``, both named by what is in them, and
``current``, the one link that a switch changes.
"""
