-- A session that ended as it was meant, by its client, its idleTimeout or its ttl, is Healthy; Stalled tells of any other end.
local found = {}
if obj.status ~= nil and obj.status.conditions ~= nil and obj.status.observedGeneration == obj.metadata.generation then
  for _, condition in ipairs(obj.status.conditions) do
    if condition.status == "True" then
      found[condition.type] = condition.message
    end
  end
else
  return { status = "Progressing", message = "Waiting for the operator to take up the spec" }
end

if found.Stalled ~= nil then
  return { status = "Degraded", message = found.Stalled }
end
if found.Ended ~= nil then
  return { status = "Healthy", message = obj.status.phase .. ": " .. found.Ended }
end
if found.Ready ~= nil then
  return { status = "Healthy", message = found.Ready }
end
return { status = "Progressing", message = obj.status.message }
