# Each target makes all that it needs. Ports: make run PORT_BASE=26300 HTTP_PORT=8081; make test TEST_PORT_BASE=26600
# Pytest's arguments: make test ARGS="-k quotas"
# Options of the others: make loadtest ARGS="--shape spike --seconds 300"; make bench ARGS="--quick --only ingest";
# make drill ARGS="--only kill-postgres"

LOCAL = .venv/bin/python -m infra.local
.PHONY: help run ps logs plateau down reset lint check test loadtest bench drill

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: servers ## Start everything in the background, play a simulated morning, show its service level
	@$(LOCAL) run

ps: environment ## Name, pid and state of each process
	@$(LOCAL) ps

logs: environment ## Follow the logs of all processes
	@$(LOCAL) logs

plateau: environment ## Run a command on it: make plateau ARGS="dead list"
	@$(LOCAL) plateau $(ARGS)

down: environment ## Stop everything
	@$(LOCAL) down

reset: environment ## Stop everything and forget what it kept
	@$(LOCAL) reset

lint: environment ## ruff, mypy, import contracts
	@$(LOCAL) lint

check: environment ## Lint, and the tests that need no server
	@$(LOCAL) check -- $(ARGS)

test: servers ## Lint and all tests, on servers of their own
	@$(LOCAL) test -- $(ARGS)

loadtest: environment ## Load what `make run` started, then look for every fact that was accepted
	@mkdir -p .loadtest
	@.venv/bin/python -m locust --locustfile loadtests/locustfile.py --headless --only-summary --stop-timeout 10 \
		--html .loadtest/report.html $(ARGS)

bench: servers ## Measure against the peers, on servers of its own; writes docs/performance.md
	@.venv/bin/python -m loadtests.bench $(ARGS)

drill: servers ## Break every part in turn under load, count afterwards, on servers of its own; writes docs/resilience.md
	@.venv/bin/python -m loadtests.drills $(ARGS)

.PHONY: environment servers
environment:
	@sh infra/local/bootstrap.sh

servers:
	@sh infra/local/bootstrap.sh servers
