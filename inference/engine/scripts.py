"""What Redis does in one step, as Lua. Only commands that Redis 7.0 and Valkey have.

`allow-oom` is for what makes room: a Redis that is full refuses new work and goes on handing over
what is done.
"""

from __future__ import annotations

from typing import Final

# KEYS stream, rows; ARGV cap, rows of the parcel, seconds to keep, parcel.
# {1, id}, or {0, rows that wait} if there is no room. Where no parcel is, no row waits, whatever
# was counted: the rows of a parcel that nobody could read are never counted down.
ADMIT: Final = """#!lua
local waiting = tonumber(redis.call('GET', KEYS[2]) or '0')
if redis.call('XLEN', KEYS[1]) == 0 then waiting = 0 end
if waiting >= tonumber(ARGV[1]) then return {0, waiting} end
redis.call('SET', KEYS[2], math.max(waiting, 0) + ARGV[2], 'EX', ARGV[3])
local id = redis.call('XADD', KEYS[1], '*', 'p', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {1, id}
"""

# Nothing, said to whoever would be given a job: a replica refuses to, and a server that is loading.
PROBE: Final = """#!lua flags=allow-oom
return 1
"""

# KEYS stream, rows, list...; ARGV group, milliseconds to keep a reply, then for each entry its id,
# its rows, the index of its list, its reply. Whoever deletes the entry has finished it: a second
# delivery, or the same call made twice, finds nothing to delete and says nothing. How many won.
FINISH: Final = """#!lua flags=allow-oom
local won = 0
for i = 3, #ARGV, 4 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    won = won + 1
    redis.call('DECRBY', KEYS[2], ARGV[i + 1])
    local list = KEYS[tonumber(ARGV[i + 2])]
    redis.call('RPUSH', list, ARGV[i + 3])
    redis.call('PEXPIRE', list, ARGV[2])
  end
end
return won
"""

# KEYS stream; ARGV group, consumer: {id, fields} of all that he was given and has not finished. To
# read it again would count as one more delivery, and deliveries tell who ends his workers.
MINE: Final = """#!lua flags=no-writes
local found = {}
for _, given in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000, ARGV[2])) do
  found[#found + 1] = redis.call('XRANGE', KEYS[1], given[1], given[1])[1]
end
return found
"""

# KEYS stream; ARGV group, consumer, milliseconds without a sign of life, cursor.
# {cursor} or {cursor, id, parcel, how often it was delivered}: one entry at a time.
CLAIM: Final = """#!lua flags=allow-oom
local got = redis.call(
  'XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', 1)
local entry = got[2][1]
if not entry then return {got[1]} end
local times = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)[1][4]
return {got[1], entry[1], entry[2][2], times}
"""

# KEYS stream; ARGV group, consumer, id...: a sign of life for entries in hand. Those that another
# one has meanwhile are left to him.
HOLD: Final = """#!lua flags=allow-oom
for i = 3, #ARGV do
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if mine[1] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  end
end
"""

# KEYS stream, stream of suspects, list; ARGV group, id, seconds to keep, milliseconds to keep the
# reply, reply, parcel...: the entry becomes one entry for each of its jobs. 1 if this call did it.
SPLIT: Final = """#!lua flags=allow-oom
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if redis.call('XDEL', KEYS[1], ARGV[2]) == 0 then return 0 end
for i = 6, #ARGV do redis.call('XADD', KEYS[2], '*', 'p', ARGV[i]) end
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('RPUSH', KEYS[3], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 1
"""

# KEYS stream; ARGV id...: which of them are not there.
MISSING: Final = """#!lua flags=no-writes
local gone = {}
for i = 1, #ARGV do
  if not redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1] then gone[#gone + 1] = ARGV[i] end
end
return gone
"""

# KEYS stream; ARGV group, consumer: forget a consumer that has nothing in hand. 1 if it did.
# Deleting one that has something would lose sight of it.
LEAVE: Final = """#!lua flags=allow-oom
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if mine[1] then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

# KEYS hash; ARGV worker, heartbeat, seconds to keep the hash after the last one. It takes the room
# of the one before, which a Redis that is full has; and whoever cannot say that he lives counts as
# dead.
BEAT: Final = """#!lua flags=allow-oom
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""

# KEYS shard; ARGV worker: this number is not mine any more, if it was.
RELEASE: Final = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# KEYS shard; ARGV worker, milliseconds: this number is mine, unless somebody else has it.
LEASE: Final = """#!lua flags=allow-oom
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
