"""Build chrony from pinned source on hosts, serve authenticated time with it, and prove that it works.

The map. Packages form layers: a package imports only from those below it here (pyproject.toml, ``lint-imports``).

Operations
    cli/        the tasks, as ``inv`` and ``chrony-provision`` show them
    fleet/      many hosts: the order of a rollout, its executor, retry, rotation of a key, the workers of a cluster
    deploy/     one host: its generation, the phases of a deployment, their steps/, the loop that applies them, and
                the operations deploy, build, verify, rollback, uninstall

Subjects
    takeover/   the time service that a host had before: read, translated to a site file, compared with a site
    verify/     evidence and checks: process, build, ports, sources, clients, firewall/, other time services
    site/       the site file: its values, defaults and groups, the inventory, upstreams, the settings of one host
    output/     the report as text, JSON, JUnit and Markdown, the plan for people, the log of a run, progress/,
                the page in html/, the evidence for an audit in audit/
    build/      from a recipe to an artifact: fetch/, required packages, compiling, store, bundle, SBOM
    keys/       chrony.keys: where it comes from, editing, lint, listing, export; certificates and cookie keys of NTS
    host/       a machine: target, facts, session, sudo, workspace, package managers
                transport/ (SSH or local), scripts/ (the POSIX sh that runs there), sandbox/ (hosts booted here)
    chrony/     chrony itself: releases, directives and their needs, access rules, output of its programs, unit

Below all of them
    common/     errors, by the operator's next action; results: the outcome of a step, a finding of a check
                text from a host or a file, escaped for a terminal
                files/ of this machine: read with a limit, written whole, locked

On a host everything of this tool lies in /opt/chrony: ``builds/`` and ``generations/``, both named by their content,
and ``current``, the one link that a switch changes.
"""
