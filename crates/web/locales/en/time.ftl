# Times as people say them (view/words.rs). Names stand in a row, with spaces between.
clock = { $time }
weekdays = Mon Tue Wed Thu Fri Sat Sun
months = Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
day = { $weekday } { $day } { $month }
day-and-year = { $day } { $month } { $year }
day-at = { $day }, { $clock }
yesterday = yesterday
yesterday-at = yesterday { $clock }
today = today
tomorrow = tomorrow
tomorrow-at = tomorrow { $clock }

now = now
in-less-than-a-minute = in less than a minute
in-minutes = { $count ->
    [one] in { $count } minute
   *[other] in { $count } minutes
}
in-hours = { $count ->
    [one] in { $count } hour
   *[other] in { $count } hours
}
in-days = { $count ->
    [one] in { $count } day
   *[other] in { $count } days
}
in-months = { $count ->
    [one] in { $count } month
   *[other] in { $count } months
}
in-years = { $count ->
    [one] in { $count } year
   *[other] in { $count } years
}
just-now = just now
minutes-ago = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
hours-ago = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
days-ago = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
months-ago = { $count ->
    [one] { $count } month ago
   *[other] { $count } months ago
}
years-ago = { $count ->
    [one] { $count } year ago
   *[other] { $count } years ago
}
