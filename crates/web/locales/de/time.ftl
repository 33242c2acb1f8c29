# Zeiten, wie man sie sagt (view/words.rs). Namen stehen in einer Reihe, durch Leerzeichen getrennt.
clock = { $time } Uhr
weekdays = Mo. Di. Mi. Do. Fr. Sa. So.
months = Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.
day = { $weekday }, { $day }. { $month }
day-and-year = { $day }. { $month } { $year }
day-at = { $day }, { $clock }
yesterday = gestern
yesterday-at = gestern, { $clock }
today = heute
tomorrow = morgen
tomorrow-at = morgen, { $clock }

now = jetzt
in-less-than-a-minute = in weniger als einer Minute
in-minutes = { $count ->
    [one] in { $count } Minute
   *[other] in { $count } Minuten
}
in-hours = { $count ->
    [one] in { $count } Stunde
   *[other] in { $count } Stunden
}
in-days = { $count ->
    [one] in { $count } Tag
   *[other] in { $count } Tagen
}
in-months = { $count ->
    [one] in { $count } Monat
   *[other] in { $count } Monaten
}
in-years = { $count ->
    [one] in { $count } Jahr
   *[other] in { $count } Jahren
}
just-now = gerade eben
minutes-ago = { $count ->
    [one] vor { $count } Minute
   *[other] vor { $count } Minuten
}
hours-ago = { $count ->
    [one] vor { $count } Stunde
   *[other] vor { $count } Stunden
}
days-ago = { $count ->
    [one] vor { $count } Tag
   *[other] vor { $count } Tagen
}
months-ago = { $count ->
    [one] vor { $count } Monat
   *[other] vor { $count } Monaten
}
years-ago = { $count ->
    [one] vor { $count } Jahr
   *[other] vor { $count } Jahren
}
