decisions contains {"verdict": "alert", "rule": "sum"} if sum([n | some n in numbers.range(1, 20); n % 2 == 0]) > input.action.count
decisions contains {"verdict": "approve", "rule": "text"} if { every c in ["a", "b"] { regex.match(`^[a-b]+$`, c) }; time.weekday(input.now) == "Monday" }
