-- Sends prepared requests in turn, each unlike any before: wrk ... -s wrk_requests.lua URL -- REQUESTS RUN
-- REQUESTS is a file of raw HTTP requests, parted by a NUL; where one has \1, a mark of fixed width goes in: the run and
-- how often the file has been gone through. Building a request is one table.concat, so that wrk is not what is measured.

local templates, current, round, mark, run = {}, 0, 0, "", ""

local function split(text, separator)
  local parts, from = {}, 1
  while true do
    local at = text:find(separator, from, true)
    if not at then
      parts[#parts + 1] = text:sub(from)
      return parts
    end
    parts[#parts + 1] = text:sub(from, at - 1)
    from = at + 1
  end
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for _, request in ipairs(split(file:read("*a"), "\0")) do
    templates[#templates + 1] = split(request, "\1")
  end
  file:close()
  run = args[2]
  mark = string.format("%s-%05d", run, round)
end

function request()
  current = current + 1
  if current > #templates then
    current, round = 1, round + 1
    mark = string.format("%s-%05d", run, round)
  end
  return table.concat(templates[current], mark)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
